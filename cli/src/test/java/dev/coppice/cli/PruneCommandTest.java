package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Cancellation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PruneCommandTest {
  @TempDir Path folder;
  private Path model = Path.of("");
  private Path output = Path.of("");

  @BeforeEach
  void writeModel() throws IOException {
    model = TinyModel.usual().write(folder.resolve("model.safetensors"));
    output = folder.resolve("out.safetensors");
  }

  private Invocation prune(Object... options) {
    List<Object> all = new ArrayList<>(List.of("prune", model, "-o", output));
    all.addAll(List.of(options));
    return Invocation.of(all.toArray());
  }

  @Test
  void theTableSaysWhatWasPrunedAndWhatWasNot() {
    Invocation done = prune("--sparsity", "0.25", "--backend", "reference", "-T", 1);
    assertThat(done.err()).isEmpty();
    assertThat(done.status()).isEqualTo(ExitStatus.OK);
    assertThat(done.out())
        .containsPattern("layer\\.0\\.weight +8x16 +F32 +32 +32 +128 +25\\.00 %")
        .contains("Left alone, 3 tensors:")
        .contains("rank 1 is below 2: layer.0.bias")
        .contains("\"embed\" is excluded by default: embed.weight")
        .contains("Pruned 32 of 128 weights in 1 tensor, 32 newly zero; 25.00 % of them are zero")
        .contains("on reference, 1 thread: reading ")
        .contains("Unstructured zeros alone make a dense runtime no faster");
    assertThat(output).hasSize(model.toFile().length());
  }

  @Test
  void anNOfMPatternNeedsNoSparsityAndTakesOneThatAgrees() {
    assertThat(prune("--pattern", "2:4").out()).contains("Pruned 64 of 128 weights");
    assertThat(prune("--pattern", "2:4", "--sparsity", ".5", "--force").status()).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "| --sparsity is required, from 0 to 1; only an N:M pattern or a recipe goes without it",
        "--pattern unstructured | --sparsity is required",
        "--sparsity 50 | --sparsity must be a number in [0, 1], such as 0.5 for half, not \"50\"",
        "--sparsity -0.5 | --sparsity must be a number in [0, 1]",
        "--sparsity NaN | --sparsity must be a number in [0, 1]",
        "--sparsity 50% | --sparsity must be a number in [0, 1], such as 0.5 for half, not \"50%\"",
        "--sparsity 0x1p-1 | --sparsity must be a number in [0, 1]",
        "--sparsity .5 --criterion wanda | criterion must be magnitude or random, not \"wanda\"",
        "--sparsity .5 --scope layer | scope must be tensor, global or row, not \"layer\"",
        "--sparsity .5 --pattern 2-4 | pattern must be unstructured or N:M, of which N are kept",
        "--pattern 4:4 | an N:M pattern keeps N of M weights, 1 <= N < M <= 32, not 4:4",
        "--pattern 2:4 --sparsity .6 | pattern 2:4 implies sparsity 0.5, not 0.6",
        "--pattern 2:4 --scope row | pattern 2:4 has no scope",
        "--pattern 2:4 --max-per-tensor .5 | pattern 2:4 goes with neither count nor max_per_tensor",
        "--sparsity .5 --max-per-tensor .5 | max_per_tensor goes with scope global only",
        "--sparsity .5 --max-per-tensor 2 --scope global | --max-per-tensor must be a number in [0, 1]",
        "--sparsity .5 --include nothing* | the plan matches no tensor that can be pruned",
        "--sparsity .5 --include {a | glob \"{a\" opens a brace it never closes",
        "--sparsity .5 --backend quantum | backend must be one of auto, ",
        "--sparsity .5 --backend reference --device 3 | backend reference runs on no CUDA device: device must be 0, not 3",
        "--sparsity .5 --device -1 | --device must be 0 or more, not -1",
        "--sparsity .5 --device gpu0 | Invalid value for option '--device'",
        "--sparsity .5 --threads 0 | --threads must be from 1 to 1024, not 0",
        "--sparsity .5 --threads two | Invalid value for option '--threads'",
        "--sparsity .5 --seed 1.5 | Invalid value for option '--seed'",
        "--sparsity .5 --nan drop | --nan must be refuse or keep, not \"drop\"",
        "--sparsity .5 --sparsity .6 | option '--sparsity' (S) should be specified only once",
        "--sparsity .5 --fast | unknown option '--fast'",
        "--sparcity .5 | unknown option '--sparcity' (did you mean --sparsity?)",
        "--sparsity .5 second | Unmatched argument at index",
      })
  void whatIsNotAllowedIsRefusedInOneLineThatSaysWhatIs(String options, String message) {
    Object[] words = options == null ? new Object[0] : options.split(" ");
    Invocation refused = prune(words);
    assertThat(refused.err()).startsWith("coppice: " + message).endsWith("\n");
    assertThat(refused.err().lines()).hasSize(1);
    assertThat(refused.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(refused.out()).isEmpty();
    assertThat(output).doesNotExist();
  }

  @Test
  void theDeviceIsForBackendsThatRunOnOne() {
    assertThat(prune("--pattern=2:4", "--backend=reference", "--device=0").status()).isZero();
    assertThat(prune("--pattern=2:4", "--device=3", "--force").status()).as("auto").isZero();
  }

  @Test
  void anOutputIsRequiredUnlessNothingIsWritten() {
    Invocation refused = Invocation.of("prune", model, "--sparsity", ".5");
    assertThat(refused.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(refused.err()).startsWith("coppice: -o OUT is required");
    Invocation dry = Invocation.of("prune", model, "--sparsity", ".5", "--dry-run");
    assertThat(dry.status()).isZero();
    assertThat(dry.out()).contains("Would prune 64 of 128 weights");
  }

  @Test
  void aDryRunShowsTheSameCountsAndWritesNoModel() throws IOException {
    Path report = folder.resolve("report.json");
    Invocation dry = prune("--sparsity", ".3", "--dry-run", "--report", report);
    Invocation real = prune("--sparsity", ".3");
    assertThat(dry.out().lines().limit(2).toList()).isEqualTo(real.out().lines().limit(2).toList());
    assertThat(Files.readString(report)).contains("\"output\" : null", "\"pruned\" : 38");
  }

  @Test
  void aRecipeGivesThePlanAndSeedAndNanOverrideIt() throws IOException {
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(recipe, "seed: 1\nrules: [{criterion: random, sparsity: 0.5}]\n");
    Path report = folder.resolve("report.json");
    assertThat(prune("--recipe", recipe, "--seed", 9, "--nan", "keep", "--report", report).err())
        .isEmpty();
    assertThat(report).content().contains("\"seed\" : 9", "\"nan\" : \"keep\"", "\"random\"");
  }

  @Test
  void optionsThatARecipeDecidesAreRefusedBesideIt() {
    Invocation refused =
        prune("--recipe", "r.yaml", "--sparsity", ".5", "--no-default-excludes", "--scope", "row");
    assertThat(refused.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(refused.err())
        .isEqualTo(
            "coppice: --recipe says what is pruned; leave out --sparsity, --scope,"
                + " --no-default-excludes\n");
  }

  @Test
  void aRecipesFaultHasItsLineAndColumn() throws IOException {
    Path recipe = folder.resolve("recipe.yaml");
    Files.writeString(recipe, "rules:\n  - sparsty: 0.5\n");
    Invocation refused = prune("--recipe", recipe);
    assertThat(refused.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(refused.err()).startsWith("coppice: " + recipe + ":2:5: unknown key \"sparsty\"");
  }

  @Test
  void anInputThatIsNotThereIsNamed() {
    Invocation refused = Invocation.of("prune", folder.resolve("no"), "-o", "x", "--pattern=2:4");
    assertThat(refused.status()).isEqualTo(ExitStatus.NO_INPUT);
    assertThat(refused.err()).contains("no: there is no such file or folder");
    assertThat(prune("--recipe", folder.resolve("no.yaml")).status())
        .isEqualTo(ExitStatus.NO_INPUT);
  }

  @Test
  void badDataEndsInTheCodeOfItsCase() throws IOException {
    Files.write(model, new byte[7]);
    Invocation refused = prune("--sparsity", ".5");
    assertThat(refused.status()).isEqualTo(ExitStatus.DATA);
    assertThat(refused.err()).contains("HEADER_TOO_SMALL").hasLineCount(1);
  }

  @Test
  void aNanIsRefusedWithItsPlaceUnlessItIsKept() throws IOException {
    new TinyModel().f32("w", i -> i == 5 ? Double.NaN : i, 4, 4).write(model);
    Invocation refused = prune("--sparsity", ".5");
    assertThat(refused.status()).isEqualTo(ExitStatus.DATA);
    assertThat(refused.err()).contains("tensor \"w\" is NaN at index 5");
    assertThat(output).doesNotExist();
    Invocation kept = prune("--sparsity", ".5", "--nan", "keep");
    assertThat(kept.status()).isZero();
    assertThat(kept.err()).isEqualTo("coppice: warning: 1 NaN weights were kept, in: w\n");
  }

  @Test
  void anIncludeThatTakesBiasesIsWarnedOf() {
    assertThat(prune("--sparsity", "0.5", "--include", "layer.*").err())
        .isEqualTo(
            "coppice: warning: an include takes tensors of rank 1, which are biases and norms as a"
                + " rule: layer.0.bias; exclude them unless you mean it\n");
  }

  @Test
  void anOutputWhoseNameSaysSomethingElseIsRefused() {
    output = folder.resolve("out.onnx");
    Invocation file = prune("--sparsity", "0.5");
    assertThat(file.status()).isEqualTo(ExitStatus.USAGE);
    assertThat(file.err())
        .isEqualTo(
            "coppice: the output is what the model is, safetensors, and -o %s says otherwise; name"
                    .formatted(output)
                + " it %s%n".formatted(folder.resolve("out.safetensors")));
    model = folder;
    output = folder.resolveSibling("out.safetensors");
    assertThat(prune("--sparsity", "0.5").err()).contains("a folder, and -o");
    assertThat(output).doesNotExist();
  }

  @Test
  void aTensorThatIsLeftEmptyIsWarnedOf() {
    assertThat(prune("--sparsity", "1", "--quiet").err())
        .isEqualTo("coppice: warning: 1 tensor has no weight left: layer.0.weight\n");
  }

  @Test
  void anExistingOutputIsKeptWithoutForce() throws IOException {
    Files.writeString(output, "mine");
    Invocation refused = prune("--sparsity", ".5");
    assertThat(refused.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(refused.err()).contains("it exists already; --force replaces it").hasLineCount(1);
    assertThat(output).hasContent("mine");
    assertThat(prune("--sparsity", ".5", "--force").status()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.safetensors", "./x/../model.safetensors", "link", "hard"})
  void theInputIsNeverTheOutput(String name) throws IOException {
    Files.createDirectory(folder.resolve("x"));
    Files.createSymbolicLink(folder.resolve("link"), model);
    Files.createLink(folder.resolve("hard"), model);
    byte[] before = Files.readAllBytes(model);
    Invocation refused =
        Invocation.of("prune", model, "-o", folder + "/" + name, "--pattern", "2:4", "--force");
    assertThat(refused.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(refused.err()).contains("it is an input");
    assertThat(model).hasBinaryContent(before);
  }

  @Test
  void anOutputInAFolderThatDoesNotExistIsRefused() {
    Invocation refused =
        Invocation.of("prune", model, "-o", folder.resolve("no/out"), "--pattern", "2:4");
    assertThat(refused.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(refused.err()).contains("no: there is no such folder; make it first");
  }

  @Test
  void aReportThatCannotBeWrittenIsRefusedBeforeTheModelIs() throws IOException {
    Path report = folder.resolve("report.json");
    Files.writeString(report, "mine");
    Invocation refused = prune("--sparsity", ".5", "--report", report);
    assertThat(refused.status()).isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(output).doesNotExist();
    assertThat(report).hasContent("mine");
    assertThat(prune("--sparsity", ".5", "--report", model, "--force").status())
        .isEqualTo(ExitStatus.CANNOT_CREATE);
    assertThat(prune("--sparsity", ".5", "--report", output).status()).isEqualTo(ExitStatus.USAGE);
  }

  @Test
  void noFileOfTheModelBecomesTheReport() throws IOException {
    Path source = Files.createDirectory(folder.resolve("source"));
    Path shard = TinyModel.usual().write(source.resolve("a.safetensors"));
    Path copy = folder.resolve("copy");
    for (Path report : List.of(shard, copy.resolve("a.safetensors"))) {
      Invocation refused =
          Invocation.of(
              "prune", source, "-o", copy, "--sparsity=.5", "--report", report, "--force");
      assertThat(refused.status()).isIn(ExitStatus.CANNOT_CREATE, ExitStatus.USAGE);
      assertThat(refused.err()).contains("a.safetensors").hasLineCount(1);
      assertThat(shard).hasSameBinaryContentAs(model);
      assertThat(copy).doesNotExist();
    }
  }

  @Test
  void theRecipeIsNotReplaced() throws IOException {
    Path source = Files.createDirectory(folder.resolve("source"));
    TinyModel.usual().write(source.resolve("a.safetensors"));
    Path copy = Files.createDirectory(folder.resolve("copy"));
    TinyModel.usual().write(copy.resolve("a.safetensors"));
    String text = "rules: [{sparsity: 0.5}]\n";
    Path recipe = Files.writeString(copy.resolve("recipe.yaml"), text);
    List<Invocation> refused =
        List.of(
            Invocation.of("prune", source, "-o", copy, "--recipe", recipe, "--force"),
            Invocation.of("prune", model, "-o", recipe, "--recipe", recipe, "--force"),
            prune("--recipe", recipe, "--report", recipe, "--force"));
    assertThat(refused).extracting(Invocation::status).containsOnly(ExitStatus.CANNOT_CREATE);
    assertThat(recipe).hasContent(text);
    assertThat(output).doesNotExist();
  }

  @Test
  void aCancelledRunLeavesNothing() throws IOException {
    Cancellation cancellation = new Cancellation();
    cancellation.cancel();
    Invocation cancelled =
        Invocation.with(
            OptionalInt.empty(), cancellation, "prune", model, "-o", output, "--pattern", "2:4");
    assertThat(cancelled.status()).isEqualTo(ExitStatus.CANCELLED);
    assertThat(cancelled.err()).isEqualTo("coppice: cancelled; nothing was left behind\n");
    try (Stream<Path> files = Files.list(folder)) {
      assertThat(files).containsExactly(model);
    }
  }

  @Test
  void quietPrintsNothing() {
    assertThat(prune("--sparsity", ".5", "-q").out()).isEmpty();
  }

  @Test
  void aStackTraceIsForTheVerbose() {
    assertThat(prune("--sparsity", "2", "-v").err())
        .contains(
            "--sparsity must be a number in [0, 1]", "InvalidPlanException", "\tat dev.coppice");
  }

  @Test
  void linesFitTheTerminalUnlessVerbose() throws IOException {
    String name = "model." + "decoder.".repeat(15) + "weight";
    new TinyModel().f32(name, i -> i, 4, 4).write(model);
    Object[] words = {"prune", model, "--sparsity", ".5", "--dry-run"};
    Invocation narrow = Invocation.with(OptionalInt.of(80), new Cancellation(), words);
    assertThat(narrow.out().lines().limit(2)).allMatch(line -> line.length() <= 80);
    assertThat(narrow.out()).contains("...").doesNotContain(name);
    Object[] all = {"prune", model, "--sparsity", ".5", "--dry-run", "--verbose"};
    assertThat(Invocation.with(OptionalInt.of(80), new Cancellation(), all).out()).contains(name);
  }

  @Test
  void aNameCannotDriveTheTerminal() throws IOException {
    new TinyModel().f32("w\\u001b[2Jx", i -> i, 4, 4).write(model);
    assertThat(prune("--sparsity", ".5").out()).contains("w.[2Jx").doesNotContain("\u001b");
  }
}
