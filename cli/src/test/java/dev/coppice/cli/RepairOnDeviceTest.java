package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Repairs with sums of a device: the emulated one, with a stand-in for cuBLAS. */
class RepairOnDeviceTest {
  private static final Path ROOT =
      Path.of(System.getProperty("coppice.root", "..")).toAbsolutePath();
  private static final Path EMULATOR = ROOT.resolve("cuda-kernels/target/cuda/emulator");
  private static final Path DATA =
      ROOT.resolve("evaluation/src/main/resources/dev/coppice/evaluation/fashion");

  @TempDir Path folder;

  /** Skips where it was not built; {@code -Dcoppice.require=cuda} fails. */
  @BeforeEach
  void requireEmulator() {
    boolean built = Files.exists(EMULATOR.resolve("libcublas.so.12"));
    if (System.getProperty("coppice.require", "").contains("cuda")) {
      assertThat(built).as("the emulated driver is required").isTrue();
    }
    assumeTrue(built, "the emulated CUDA driver and libraries were not built");
  }

  private CommandProcess.Ended repair(
      String name, String backend, Map<String, String> environment, String... options)
      throws Exception {
    Path images = Files.createDirectories(folder.resolve("images"));
    Path copy = images.resolve("t10k-images-idx3-ubyte.gz");
    if (!Files.exists(copy)) {
      Files.copy(DATA.resolve("t1k-images-idx3-ubyte.gz"), copy);
    }
    List<String> command =
        CommandProcess.command(
            "shrink",
            DATA.resolve("fashion-mobile.onnx"),
            "-o",
            folder.resolve(name),
            "--target=macs=0.6",
            "--calibration",
            images,
            "--samples=12",
            "--repair",
            "--backend=" + backend,
            "--report",
            folder.resolve(name + ".json"));
    command.addAll(
        1,
        List.of(
            "-Dcoppice.cuda.emulated=true",
            "-Dcoppice.cuda.emulator=" + EMULATOR,
            "-Duser.home=" + folder));
    command.addAll(1, List.of(options));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    return CommandProcess.end(builder.start());
  }

  /** Gives the weights of a model, one after the other. */
  private float[] weights(String name) throws Exception {
    List<Float> all = new ArrayList<>();
    for (TensorProto tensor :
        ModelProto.parseFrom(Files.readAllBytes(folder.resolve(name)))
            .getGraph()
            .getInitializerList()) {
      if (tensor.getDataType() == TensorProto.DataType.FLOAT.getNumber()) {
        FloatBuffer values =
            tensor
                .getRawData()
                .asReadOnlyByteBuffer()
                .order(ByteOrder.LITTLE_ENDIAN)
                .asFloatBuffer();
        while (values.hasRemaining()) {
          all.add(values.get());
        }
      }
    }
    float[] array = new float[all.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = all.get(i);
    }
    return array;
  }

  /** Sums are F64 on both: what is found differs by little more than the rounding of weights. */
  private void assertAlike(String name, String other) throws Exception {
    float[] weights = weights(name);
    float[] others = weights(other);
    assertThat(weights).hasSameSizeAs(others).hasSizeGreaterThan(1000);
    for (int i = 0; i < weights.length; i++) {
      assertThat(weights[i] - others[i])
          .as("weight %d", i)
          .isBetween(-1e-5f * (1 + Math.abs(others[i])), 1e-5f * (1 + Math.abs(others[i])));
    }
  }

  @Test
  void aModelIsRepairedAsTheProcessorWouldAndTheReportSaysWhoAddedUp() throws Exception {
    CommandProcess.Ended device = repair("cuda.onnx", "cuda", Map.of());
    assertThat(device.status()).as(device.output()).isZero();
    assertThat(device.output()).contains("layers fitted, sums by cuda");
    CommandProcess.Ended java = repair("java.onnx", "reference", Map.of());
    assertThat(java.output()).contains("layers fitted, sums by reference");
    assertThat(Files.readString(folder.resolve("cuda.onnx.json")))
        .containsPattern("\"repair\" : \\{\\s+\"backend\" : \"cuda\"");
    assertAlike("cuda.onnx", "java.onnx");
  }

  @Test
  void aDeviceWithoutMemoryEndsTheCommandWhereItWasNamedAndUnderAutoJavaGoesOn() throws Exception {
    Map<String, String> fault = Map.of("COPPICE_EMULATOR_FAIL", "cublasGemmEx:9:3");
    CommandProcess.Ended named = repair("named.onnx", "cuda", fault);
    assertThat(named.status()).isEqualTo(ExitStatus.UNAVAILABLE);
    assertThat(named.output())
        .contains("coppice: cublasGemmEx failed: CUBLAS_STATUS_ALLOC_FAILED")
        .doesNotContain("\tat ");
    assertThat(folder.resolve("named.onnx")).doesNotExist();
    CommandProcess.Ended auto =
        repair("auto.onnx", "auto", fault, "-Dcoppice.cuda.worthwhile.sums=1");
    assertThat(auto.status()).as(auto.output()).isZero();
    assertThat(auto.output().replaceAll("\\s+", " "))
        .contains("sums by cuda+reference; cuda is not used to repair: cublasGemmEx failed:");
    repair("java.onnx", "reference", Map.of());
    assertAlike("auto.onnx", "java.onnx");
  }
}
