package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Cancellation;
import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.formats.plan.JsonPlan;
import dev.coppice.reference.FloatingPoint;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.LinearPlan.Row;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchCommandTest {
  private static final Path RESNET =
      Path.of(System.getProperty("coppice.root", ".."))
          .resolve(
              "evaluation/src/main/resources/dev/coppice/evaluation/fashion/fashion-resnet.onnx")
          .toAbsolutePath();

  @TempDir Path folder;
  private String home = "";

  @BeforeEach
  void keepMeasurementsHere() {
    home = System.setProperty("user.home", folder.resolve("home").toString());
  }

  @AfterEach
  void putHomeBack() {
    System.setProperty("user.home", home);
  }

  @Test
  void aLayerOfRandomWeightsIsMeasuredAndReported() throws IOException {
    Path report = folder.resolve("plan.json");
    Invocation bench =
        Invocation.with(
            OptionalInt.of(80),
            new Cancellation(),
            "bench",
            "layer",
            "--shape",
            "48x64",
            "--batch",
            "3,1",
            "--sparsity",
            "0.8",
            "-T1",
            "--report",
            report);
    assertThat(bench.status()).isZero();
    assertThat(bench.out())
        .startsWith("Measured on ")
        .containsPattern("\nlayer: 48x64 F32, (79|80|81)\\.\\d % zero\n")
        .containsPattern("(At batch|Nothing here)");
    assertThat(bench.out().lines()).allMatch(line -> line.length() <= 80);
    LinearPlan plan = JsonPlan.read(report);
    assertThat(plan.device()).isEqualTo("cpu:1");
    assertThat(plan.rows()).extracting(Row::format).contains(Format.DENSE, Format.BITMAP);
    assertThat(plan.rows()).extracting(Row::batch).contains(1L, 3L);
    assertThat(plan.choice("layer", 1)).isPresent();
    Invocation again = Invocation.of("bench", "layer", "--shape", "48x64", "--report", report);
    assertThat(again.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(again.err()).contains("--force");
  }

  @Test
  void twoOfFourAreMeasuredWhereTheyAreAskedFor() throws IOException {
    Path report = folder.resolve("plan.json");
    Invocation bench =
        Invocation.of(
            "bench",
            "layer",
            "--shape=16x32",
            "--pattern=2:4",
            "--dtype=bf16",
            "--batch=1",
            "--report",
            report);
    assertThat(bench.status()).isZero();
    assertThat(JsonPlan.read(report).rows())
        .anyMatch(row -> row.format() == Format.TWO_FOUR && row.sparsity() == 0.5)
        .allMatch(row -> row.dtype() == DType.BF16);
  }

  @Test
  void theLinearLayersOfACheckpointAreMeasuredWithTheirZeros() throws IOException {
    Path model =
        TinyModel.usual()
            .f32("layer.1.weight", i -> i % 4 == 0 ? i + 1 : 0, 8, 16)
            .f32("conv.weight", i -> 1, 4, 2, 3, 3)
            .write(folder.resolve("m.safetensors"));
    Path report = folder.resolve("plan.json");
    Invocation bench = Invocation.of("bench", "model", model, "--batch=1", "--report", report);
    assertThat(bench.status()).isZero();
    assertThat(bench.out()).contains("All 2 layers:");
    LinearPlan plan = JsonPlan.read(report);
    assertThat(plan.layers()).containsExactly("layer.0.weight", "layer.1.weight");
    assertThat(plan.only("layer.0.weight").rows())
        .allMatch(row -> row.sparsity() == 0 && row.format() == Format.DENSE);
    assertThat(plan.only("layer.1.weight").rows())
        .allMatch(row -> row.sparsity() == 0.75)
        .extracting(Row::format)
        .contains(Format.DENSE, Format.BITMAP, Format.TWO_FOUR, Format.CSR);
    Path second = folder.resolve("again.json");
    assertThat(Invocation.of("bench", "model", model, "--batch=1", "--report", second).status())
        .isZero();
    assertThat(JsonPlan.read(second)).isEqualTo(plan);
  }

  @Test
  void weightsOfOnnxModelsAreTurnedSoThatOutputsComeFirst() throws IOException {
    try (Checkpoint checkpoint = Models.open(RESNET)) {
      ModelLayers layers =
          ModelLayers.of(
              checkpoint, new Execution(WorkPool.shared(), 2, 256, () -> false, (p, d, t) -> {}));
      assertThat(layers.layers()).isNotEmpty();
      for (var layer : layers.layers()) {
        Tensor weights = layer.weights().load();
        var stored =
            checkpoint.tensors().stream()
                .filter(t -> t.name().equals(layer.name()))
                .findFirst()
                .orElseThrow();
        ByteBuffer own =
            ByteBuffer.allocate((int) stored.shape().elements() * 4).order(ByteOrder.LITTLE_ENDIAN);
        checkpoint.read(stored, 0, own);
        ByteBuffer turned = ByteBuffer.allocate(own.capacity()).order(ByteOrder.LITTLE_ENDIAN);
        weights.read(0, turned);
        int out = (int) weights.shape().dimension(0);
        int in = (int) weights.shape().dimension(1);
        boolean same = stored.shape().dimension(0) == out;
        for (int i = 0; i < out * in; i++) {
          int from = same ? i : i % in * out + i / in;
          assertThat(FloatingPoint.read(turned, i, DType.F32))
              .isEqualTo(FloatingPoint.read(own, from, DType.F32));
        }
      }
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "bench | 64 | a command is missing: layer or model",
        "bench lawyer | 64 | lawyer",
        "bench layer | 64 | --shape",
        "bench layer --shape 4x | 64 | --shape must be OUTxIN, such as 4096x14336, not 4x",
        "bench layer --shape 99999x99999 | 64 | less than 2 GiB",
        "bench layer --shape 8x8 --sparsity 2 | 64 | --sparsity must be from 0 to 1, not 2.0",
        "bench layer --shape 8x8 --sparsity NaN | 64 | --sparsity must be from 0 to 1, not NaN",
        "bench layer --shape 8x8 --pattern 4:8 | 64 | --pattern must be 2:4, not 4:8",
        "bench layer --shape 8x6 --pattern 2:4 | 64 | a multiple of 4, not 6",
        "bench layer --shape 8x8 --pattern 2:4 --sparsity 0.9 | 64 | 2:4 is a sparsity of 0.5",
        "bench layer --shape 8x8 --dtype i8 | 64 | --dtype must be f32, f16 or bf16, not i8",
        "bench layer --shape 8x8 --batch 0 | 64 | --batch must be 1 or more",
        "bench layer --shape 8x8 --batch many | 64 | --batch",
        "bench layer --shape 8x8 --device tpu | 64 | a device must be cpu, cpu:THREADS or cuda:ORD",
        "bench layer --shape 8x8 -T 0 | 64 | --threads must be from 1 to",
        "bench layer --shape 8x8 -T 1 --device cuda | 64 | --threads is for the processor",
        "bench layer --shape 8x8 --device cuda:9 | 69 | CUDA",
        "bench model nowhere.safetensors | 66 | nowhere.safetensors",
      })
  void whatCannotBeMeasuredIsSaidInOneLine(String words, int status, String message) {
    Invocation bench = Invocation.of((Object[]) words.split(" "));
    assertThat(bench.status()).isEqualTo(status);
    assertThat(bench.err()).contains(message).hasLineCount(1);
    assertThat(bench.out()).isEmpty();
  }

  @Test
  void aModelWithoutLinearLayersIsRefused() throws IOException {
    Path model = new TinyModel().f32("bias", i -> 1, 8).write(folder.resolve("m.safetensors"));
    Invocation bench = Invocation.of("bench", "model", model);
    assertThat(bench.status()).isEqualTo(ExitStatus.DATA);
    assertThat(bench.err()).contains("has no weights of a linear layer").hasLineCount(1);
    Path report = Files.createFile(folder.resolve("r.json"));
    assertThat(Invocation.of("bench", "model", model, "--report", report).status())
        .isEqualTo(ExitStatus.CANNOT_CREATE);
  }

  @Test
  void helpTeachesWithExamples() {
    for (String[] words : new String[][] {{"bench"}, {"bench", "layer"}, {"bench", "model"}}) {
      Object[] asked = Arrays.copyOf(words, words.length + 1, Object[].class);
      asked[words.length] = "--help";
      Invocation help = Invocation.of(asked);
      assertThat(help.status()).isZero();
      assertThat(help.out()).contains("Examples:", "coppice bench ");
      assertThat(help.out().lines()).allMatch(line -> line.length() <= 100);
    }
  }
}
