package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.BackendUnavailableException;
import dev.coppice.Cancellation;
import dev.coppice.simd.OrtLibrary;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Planner;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SparsifyCommandTest {
  @TempDir Path folder;

  @BeforeEach
  void requireTheLibrary() {
    try {
      OrtLibrary.content();
    } catch (BackendUnavailableException e) {
      if (System.getProperty("coppice.require", "").contains("native")) {
        fail(e);
      }
      assumeTrue(false, e.getMessage());
    }
  }

  @Test
  void allLayersThatFitAreCompressedProvenTimedAndWritten() throws IOException {
    Path model = layers();
    Path sparse = folder.resolve("sparse.onnx");
    Path library = folder.resolve("libcoppice_ort.so");
    Path report = folder.resolve("report.json");

    Invocation made =
        Invocation.of(
            "sparsify",
            model,
            "-o",
            sparse,
            "--format",
            "auto",
            "--library",
            library,
            "--report",
            report,
            "--size",
            "x=2x3x64",
            "--verbose");

    assertThat(made.err()).isEmpty();
    assertThat(made.status()).isZero();
    assertThat(made.out())
        .containsPattern("node/layer0.product +96x64 +79\\.\\d+ % +bitmap ")
        .containsPattern("node/layer1.product +48x96 +49\\.\\d+ % +bitmap ")
        .contains("left alone: node/layer2.product: fewer than 30% zeros")
        .containsPattern("proof: in 2 runs of both models .* within \\d\\.\\de-0[678]")
        .containsPattern(
            "latency: \\d+\\.\\d+ -> \\d+\\.\\d+ ms, \\d+\\.\\d+ times as fast.*; inputs x 2x3x64")
        .contains("wrote " + sparse, "ONNX Runtime needs the library " + library)
        .containsPattern(
            "It is (not |hardly )?faster.*; formats were chosen by bytes, and no layer");
    assertThat(Files.size(sparse)).isLessThan(Files.size(model));
    assertThat(Files.readAllBytes(library)).isEqualTo(OrtLibrary.content());
    assertThat(Files.readString(report))
        .contains("\"layer\" : \"layer0.weight\"", "\"ratio\"")
        .contains("\"reason\" : \"fewer than 30% zeros\"");
    Invocation inspected =
        Invocation.with(OptionalInt.of(80), new Cancellation(), "inspect", sparse);
    assertThat(inspected.out())
        .contains("layer0.weight/values", "Layers whose weights are compressed, 2:")
        .containsPattern("node/layer0.product +96x64 +79\\.\\d+ % +bitmap +8,\\d{3}\n")
        .containsPattern("node/layer1.product +48x96 +49\\.\\d+ % +bitmap ");
    assertThat(inspected.out().lines()).allMatch(line -> line.length() <= 80);
    assertThat(Invocation.of("inspect", sparse, "--json").out())
        .containsPattern("\"sparse_layers\" : \\[ \\{\\s+\"node\" : \"node/layer0.product\"");
    Path small = folder.resolve("small.onnx");
    Invocation shrunk =
        Invocation.of("shrink", sparse, "-o", small, "--target", "macs=0.5", "--dry-run");
    assertThat(shrunk.status()).isEqualTo(ExitStatus.DATA);
    assertThat(shrunk.err()).hasLineCount(1).contains("prune and shrink a model first, then");
  }

  @Test
  void automaticallyAFormatIsTheOneThatTakesTheFewestBytes() throws IOException {
    Path model =
        new LinearModel(64, -1)
            .gemm(64, 80, true)
            .matMul(80, 64, 0.7)
            .matMul(64, 256, 0.98)
            .write(folder.resolve("model.onnx"));
    Path sparse = folder.resolve("sparse.onnx");
    Invocation made = Invocation.of("sparsify", model, "-o", sparse, "--format", "auto");
    assertThat(made.err()).isEmpty();
    assertThat(made.out())
        .containsPattern("node/layer0.sum +80x64 .* 2:4 ")
        .containsPattern("node/layer1.product +64x80 .* bitmap ")
        .containsPattern("node/layer2.product +256x64 .* csr ");
    Path fewer = folder.resolve("fewer.onnx");
    new LinearModel(64, -1).quarters(64, 80).write(fewer);
    Invocation quarter = Invocation.of("sparsify", fewer, "-o", sparse, "--format=auto", "--force");
    assertThat(quarter.out()).containsPattern("node/layer0.sum +80x64 +75.00 % +bitmap ");
  }

  /** Two layers that are pruned, and one that is not. */
  private Path layers() throws IOException {
    return new LinearModel(64, -1, -2)
        .matMul(64, 96, 0.8)
        .matMul(96, 48, 0.5)
        .matMul(48, 32, 0)
        .write(folder.resolve("model.onnx"));
  }

  @Test
  void aPlanChoosesByWeightsOrNodeAndBatch() throws IOException {
    Path model = layers();
    Path plan = folder.resolve("plan.json");
    Files.writeString(
        plan,
        plan(
            "cpu:2",
            row("layer0.weight", "96x64", 0.8, 1, "native", "bitmap"),
            row("layer0.weight", "96x64", 0.8, 64, "onnxruntime", "dense"),
            row("node/layer1.product", "48x96", 0.5, 64, "native", "csr"),
            row("layer2.weight", "32x48", 0, 1, "native", "dense")));
    Path sparse = folder.resolve("sparse.onnx");

    Invocation one = Invocation.of("sparsify", model, "-o", sparse, "--plan", plan);
    assertThat(one.err()).isEmpty();
    assertThat(one.out())
        .containsPattern("node/layer0.product +96x64 .* bitmap")
        .containsPattern("node/layer1.product +48x96 .* csr")
        .contains("node/layer2.product: the plan has dense of native as the fastest");

    Invocation many =
        Invocation.of("sparsify", model, "-o", sparse, "--plan", plan, "--batch", "50", "--force");
    assertThat(many.status()).isZero();
    assertThat(many.out())
        .contains("node/layer0.product: the plan has dense of onnxruntime as the fastest")
        .containsPattern("node/layer1.product +48x96 .* csr");
  }

  @Test
  void aPlanThatMakesNothingFasterIsSaidSoAndNothingIsWritten() throws IOException {
    Path model = layers();
    Path plan = folder.resolve("plan.json");
    Files.writeString(plan, plan("cpu:2", row("other", "96x64", 0.8, 1, "native", "bitmap")));
    Path sparse = folder.resolve("sparse.onnx");

    Invocation made = Invocation.of("sparsify", model, "-o", sparse, "--plan", plan);

    assertThat(made.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(made.out()).contains("the plan does not name it");
    assertThat(made.err()).hasLineCount(1).contains("no layer is to be compressed");
    assertThat(sparse).doesNotExist();
  }

  @Test
  void aPlanOfOtherWeightsOfTheSameNameChoosesNothing() throws IOException {
    Path model = layers();
    String right = row("layer0.weight", "96x64", 0.8, 1, "native", "bitmap");
    for (String other :
        List.of(
            row("layer1.weight", "96x48", 0.5, 1, "native", "bitmap"),
            row("layer1.weight", "48x96", 0.8, 1, "native", "bitmap"),
            row("layer1.weight", "48x96", 0.5, 1, "native", "bitmap").replace("F32", "BF16"))) {
      Path plan = Files.writeString(folder.resolve("plan.json"), plan("cpu:2", right, other));

      Invocation made =
          Invocation.of(
              "sparsify", model, "-o", folder.resolve("o.onnx"), "--plan", plan, "--force");

      assertThat(made.status()).as(made.err()).isZero();
      assertThat(made.out())
          .containsPattern("node/layer0.product +96x64 .* bitmap")
          .contains("node/layer1.product: the plan measured other weights of that name, ");
    }
  }

  private static String plan(String device, String... rows) {
    return "{\"version\":1,\"tool\":\"t\",\"device\":\"%s\",\"key\":\"%s\",\"rows\":[%s]}"
        .formatted(device, Planner.key(Device.cpu(2)), String.join(",", rows));
  }

  @Test
  void aPlanOfAnotherMachineOrVersionIsTakenOnlyIfItsUserSaysSo() throws IOException {
    Path model = layers();
    Path sparse = folder.resolve("sparse.onnx");
    String here = plan("cpu:2", row("layer0.weight", "96x64", 0.8, 1, "native", "bitmap"));
    for (String[] other :
        new String[][] {
          {"2 of ", "64 of "},
          {"; coppice ", "; coppice 0.0."},
          {"; native ", "; native 0.0 "},
          {"; onnxruntime ", "; onnxruntime 1"}
        }) {
      Path plan = Files.writeString(folder.resolve("plan.json"), here.replace(other[0], other[1]));
      Invocation refused = Invocation.of("sparsify", model, "-o", sparse, "--plan", plan);
      assertThat(refused.status()).isEqualTo(ExitStatus.USAGE);
      assertThat(refused.err())
          .hasLineCount(1)
          .contains(plan + ": it was measured with \"", "measure here with coppice bench model")
          .contains(other[1].replace("; ", ""));
      assertThat(sparse).doesNotExist();

      Invocation taken =
          Invocation.of("sparsify", model, "-o", sparse, "--plan", plan, "--any-machine");
      assertThat(taken.err()).isEmpty();
      assertThat(taken.out()).containsPattern("node/layer0.product +96x64 .* bitmap");
      Files.delete(sparse);
    }
    Path plan = Files.writeString(folder.resolve("plan.json"), here);
    assertThat(Invocation.of("sparsify", model, "-o", sparse, "--plan", plan).status()).isZero();
  }

  private static String row(
      String layer, String shape, double sparsity, int batch, String provider, String format) {
    return ("{\"layer\":\"%s\",\"shape\":\"%s\",\"dtype\":\"F32\",\"sparsity\":%s,\"batch\":%d,"
            + "\"provider\":\"%s\",\"format\":\"%s\",\"seconds\":1e-5,\"spread\":1e-6,"
            + "\"speedup\":1.5,\"bytes\":100,\"chosen\":true}")
        .formatted(layer, shape, sparsity, batch, provider, format);
  }

  @Test
  void whatCannotBeDoneIsSaidInOneLineAndNothingIsWritten() throws IOException {
    Path model = layers();
    Path plan = Files.writeString(folder.resolve("plan.json"), plan("cuda:0"));
    Path sparse = folder.resolve("sparse.onnx");
    String[][] cases = {
      {"--force", "", "one of --plan and --format is required"},
      {"--format=auto", "--plan=" + plan, "one of --plan and --format is required"},
      {"--format=dense", "", "--format must be auto, bitmap, 2:4 or csr, not \"dense\""},
      {"--format=auto", "--batch=2", "--batch goes with --plan alone"},
      {"--format=auto", "--any-machine", "--any-machine goes with --plan alone"},
      {"--plan=" + plan, "--batch=0", "--batch must be 1 or more"},
      {"--plan=" + plan, "", "it is a plan for cuda:0"},
      {"--format=auto", "--threads=0", "--threads must be from 1"},
      {"--format=auto", "--size=y=1x64", "no input of the graph"},
      {"--format=auto", "--report=" + sparse, "name the same file"},
    };
    for (String[] wrong : cases) {
      Object[] words =
          Stream.of("sparsify", model, "-o", sparse, wrong[0], wrong[1])
              .filter(word -> !word.equals(""))
              .toArray();
      Invocation refused = Invocation.of(words);
      assertThat(refused.err()).as(String.join(" ", wrong)).hasLineCount(1).contains(wrong[2]);
      assertThat(refused.status()).as(refused.err()).isEqualTo(ExitStatus.USAGE);
      assertThat(sparse).doesNotExist();
    }
    Path bad = Files.writeString(folder.resolve("bad.json"), "{");
    Invocation badPlan = Invocation.of("sparsify", model, "-o", sparse, "--plan", bad);
    assertThat(badPlan.status()).isEqualTo(ExitStatus.USAGE);
    Invocation gone = Invocation.of("sparsify", "gone.onnx", "-o", sparse, "--format", "auto");
    assertThat(gone.status()).isEqualTo(ExitStatus.NO_INPUT);
    Invocation text = Invocation.of("sparsify", bad, "-o", sparse, "--format", "auto");
    assertThat(text.status()).isEqualTo(ExitStatus.DATA);
  }

  @Test
  void outputsThatExistAreReplacedOnlyWhenForcedAndTheModelNever() throws IOException {
    Path model = layers();
    byte[] dense = Files.readAllBytes(model);
    Path mine = Files.writeString(folder.resolve("mine"), "mine");
    Path sparse = folder.resolve("sparse.onnx");
    for (String option : new String[] {"-o", "--library", "--report"}) {
      Object[] words =
          Stream.of("sparsify", model, "--format", "auto", option, mine, "-o", sparse)
              .limit(option.equals("-o") ? 6 : 8)
              .toArray();
      assertThat(Invocation.of(words).status()).isEqualTo(ExitStatus.CANNOT_CREATE);
      assertThat(mine).hasContent("mine");
    }
    Invocation itself = Invocation.of("sparsify", model, "-o", model, "--format=auto", "--force");
    assertThat(itself.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(model).hasBinaryContent(dense);
    Invocation forced = Invocation.of("sparsify", model, "-o", mine, "--format=auto", "--force");
    assertThat(forced.err()).isEmpty();
    assertThat(Files.size(mine)).isGreaterThan(1000);
  }

  @Test
  void thePlanIsNeverReplaced() throws IOException {
    Path model = layers();
    String read = plan("cpu:2", row("layer0.weight", "96x64", 0.8, 1, "native", "bitmap"));
    Path plan = Files.writeString(folder.resolve("plan.json"), read);
    Path sparse = folder.resolve("sparse.onnx");
    for (String option : new String[] {"--library", "--report"}) {
      Invocation refused =
          Invocation.of("sparsify", model, "-o", sparse, "--plan", plan, option, plan, "--force");
      assertThat(refused.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
      assertThat(refused.err()).hasLineCount(1).contains("it is an input");
      assertThat(plan).hasContent(read);
      assertThat(sparse).doesNotExist();
    }
  }

  @Test
  void gemmsHoldTheirWeightsEitherWay() throws IOException {
    Path model =
        new LinearModel(64, -1)
            .gemm(64, 80, false)
            .gemm(80, 36, true)
            .write(folder.resolve("gemms.onnx"));
    for (String format : new String[] {"2:4", "bitmap", "csr"}) {
      Invocation made =
          Invocation.of(
              "sparsify",
              model,
              "-o",
              folder.resolve("sparse.onnx"),
              "--format",
              format,
              "--force");
      assertThat(made.err()).isEmpty();
      assertThat(made.out())
          .containsPattern("node/layer0.sum +80x64 +50.00 % +" + format)
          .containsPattern("node/layer1.sum +36x80 +50.00 % +" + format)
          .doesNotContain("left alone");
    }
  }
}
