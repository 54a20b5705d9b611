package dev.coppice.cli;

import dev.coppice.Backends;
import dev.coppice.InvalidPlanException;
import dev.coppice.evaluation.OnnxRuntime;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.graph.RepairBackend;
import dev.coppice.graph.Shrinker;
import dev.coppice.spi.Backend;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "shrink",
    header = "Write a smaller copy of an ONNX model.%n",
    sortOptions = false,
    description = {
      "Writes a copy of an ONNX model from which whole channels, attention heads and feed-forward"
          + " neurons are removed, with everything that depends on them: smaller matrices, which"
          + " every runtime multiplies faster.",
      "",
      "Inputs and outputs of the model keep their names and shapes. The copy answers what the dense"
          + " model would with zeros in place of what was removed: both are run in ONNX Runtime and"
          + " compared before anything is written, and a copy that differs is not. The output"
          + " appears whole or not at all.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  Half of the multiplications:",
      "    coppice shrink model.onnx -o small.onnx --target macs=0.5",
      "  Half of the time, as measured on this machine:",
      "    coppice shrink model.onnx -o small.onnx --target latency=0.5",
      "  Half of the multiplications, chosen and repaired by data, and measured on other data:",
      "    coppice shrink model.onnx -o small.onnx --target macs=0.5 --criterion activation \\",
      "        --calibration images/ --repair --eval test-images/:accuracy",
      "  The smallest model that loses no more than a hundredth of its accuracy:",
      "    coppice shrink model.onnx -o small.onnx --max-drop 0.01 --eval test-images/:accuracy",
      "  What could be removed, what it would save, what cannot be and why:",
      "    coppice shrink model.onnx --target macs=0.5 --dry-run",
      "  A third of the parameters, attention heads alone:",
      "    coppice shrink model.onnx -o small.onnx --target params=.67 --what heads",
      "  Any counts, the first layer as it is:",
      "    coppice shrink model.onnx -o small.onnx --target macs=.6 --round-to 1 --keep 'stem.*'"
    })
final class ShrinkCommand extends SessionCommand {
  @Parameters(paramLabel = "MODEL.onnx", description = "An ONNX model in one file.")
  @Nullable Path model;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "SMALL.onnx",
      description = "Where the smaller model goes. Required, except with --dry-run.")
  @Nullable Path output;

  @Mixin ShrinkOptions options = new ShrinkOptions();

  @Mixin ShrinkDataOptions data = new ShrinkDataOptions();

  @Mixin BackendOption backend = new BackendOption();

  @Option(
      names = "--recipe",
      paramLabel = "RECIPE",
      description =
          "First prune the weights as this recipe says (docs/recipes.md). Without --target what"
              + " that left empty is removed, which changes no answer.")
  @Nullable Path recipe;

  @Option(
      names = "--latency",
      description =
          "Also measure how long both models take here; always done where latency is the target.")
  boolean latency;

  @Option(
      names = {"-T", "--threads"},
      paramLabel = "T",
      description = "Threads that latency is measured with (default: 2).")
  int threads = Math.min(2, Runtime.getRuntime().availableProcessors());

  @Option(
      names = "--unproved",
      description =
          "Write the smaller model even where it cannot be run beside the dense one. One that was"
              + " run and differs is never written.")
  boolean unproved;

  @Option(
      names = "--report",
      paramLabel = "FILE.json",
      description = "Also write a report for programs; docs/shrink.md is its schema.")
  @Nullable Path report;

  @Option(
      names = "--dry-run",
      description = "Show groups, savings and what cannot be removed, and write no model.")
  boolean dryRun;

  @Option(names = "--force", description = "Replace an existing output or report.")
  boolean force;

  @Override
  public Integer call() throws IOException {
    checkOptions();
    Path input = Objects.requireNonNull(model);
    Map<String, long[]> shapes = options.shapes();
    checkTargets(input);
    try (PrunedCopy pruned = PrunedCopy.of(input, Optional.ofNullable(recipe))) {
      pruned.said().ifPresent(this::tell);
      Shrinker opened = Models.input(input, file -> Shrinker.open(pruned.file(), shapes));
      Backends.Choice choice = Backends.choose(backend.name, opened.weightBytes());
      try (Backend used = choice.backend();
          RepairBackend repairs = repairs()) {
        Shrinker shrinker = opened.on(used).repairingOn(repairs);
        ShrinkResult result;
        try (ShrinkRun run =
            new ShrinkRun(input, pruned.file(), shrinker, options, data, this::tell)) {
          result = run.make(latency, threads, !dryRun);
        }
        finish(input, result, new ShrinkText(shrinker, result, choice.notes(), width()), shrinker);
      }
    }
    return ExitStatus.OK;
  }

  private RepairBackend repairs() {
    return data.repair ? RepairBackend.named(backend.name) : RepairBackend.reference();
  }

  private void finish(Path input, ShrinkResult result, ShrinkText text, Shrinker shrinker)
      throws IOException {
    if (!dryRun) {
      result.write(Objects.requireNonNull(output), force, input, unproved);
    }
    if (report != null) {
      byte[] json = ShrinkJson.of(shrinker, result, input);
      FileTarget.write(report, json, force, List.of(input));
    }
    (dryRun ? text.plan() : text.result(Objects.requireNonNull(output))).forEach(this::print);
    result.warning().ifPresent(console()::warn);
  }

  private void checkOptions() {
    data.check(options, recipe != null);
    if (output == null && !dryRun) {
      throw new InvalidPlanException(
          "-o SMALL.onnx is required: it says where the smaller model goes; --dry-run goes without"
              + " it");
    }
    if (report != null && output != null && whole(report).equals(whole(output))) {
      throw new InvalidPlanException("--report and -o name the same file");
    }
    PruneCommand.checkThreads(threads);
  }

  /** Refuses, before any work, what could not be written after it. */
  private void checkTargets(Path input) throws IOException {
    if (!dryRun) {
      FileTarget.begin(Objects.requireNonNull(output), force, List.of(input)).close();
    }
    if (report != null) {
      FileTarget.begin(report, force, List.of(input)).close();
    }
    boolean run = latency || options.latency().isPresent() || data.isNeeded();
    Optional<String> missing =
        run || !(dryRun || unproved) ? OnnxRuntime.missing() : Optional.empty();
    if (missing.isPresent()) {
      throw run
          ? new Failure.Refusal(
              ExitStatus.UNAVAILABLE, input + ": nothing can be measured: " + missing.get())
          : ShrinkResult.unproved(input, missing.get());
    }
  }

  private static Path whole(Path path) {
    return path.toAbsolutePath().normalize();
  }
}
