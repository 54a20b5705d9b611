package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.formats.report.JsonReport;
import dev.coppice.formats.report.Warnings;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "prune",
    header = "Write a pruned copy of a model.%n",
    sortOptions = false,
    description = {
      "Writes a copy of a model in which the weights that matter least are zero.",
      "",
      "Exactly as many weights go as the sparsity says, the same ones on every machine and backend."
          + " Only weights change: names, shapes, types, the graph and all other files stay. The"
          + " output appears whole or not at all.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  Half of every weight matrix, the smallest magnitudes:",
      "    coppice prune model.safetensors -o pruned.safetensors --sparsity 0.5",
      "  70 %% of the whole model, at most 90 %% of one tensor:",
      "    coppice prune model -o out --sparsity .7 --scope global --max-per-tensor .9",
      "  Two of every four weights, for sparse tensor cores:",
      "    coppice prune model.onnx -o pruned.onnx --pattern 2:4",
      "  See what would happen to the attention weights, and write nothing:",
      "    coppice prune model/ --sparsity 0.5 --include '*.attn.*' --dry-run",
      "  By a recipe, with a report for a program:",
      "    coppice prune model/ -o pruned/ --recipe recipe.yaml --report report.json"
    })
final class PruneCommand extends SessionCommand {
  private static final int MOST_THREADS = 1024;

  @Parameters(
      paramLabel = "MODEL",
      description = "A safetensors file or index, an ONNX file, or a folder with one of them.")
  @Nullable Path model;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT",
      description =
          "Where the pruned model goes: a file, or a folder if MODEL is one. Required, except with"
              + " --dry-run.")
  @Nullable Path output;

  @Mixin PlanOptions plan = new PlanOptions();

  @Mixin BackendOption backend = new BackendOption();

  @Option(
      names = "--device",
      paramLabel = "N",
      description = "The CUDA device to prune on, with --backend cuda or auto (default: 0).")
  int device;

  @Option(
      names = {"-T", "--threads"},
      paramLabel = "T",
      description = "Threads to use (default: one a processor). The result does not depend on it.")
  @Nullable Integer threads;

  @Option(
      names = "--report",
      paramLabel = "FILE.json",
      description = "Also write a report for programs; docs/report.md is its schema.")
  @Nullable Path report;

  @Option(
      names = "--dry-run",
      description = "Show what would happen, exact counts included, and write no model.")
  boolean dryRun;

  @Option(names = "--force", description = "Replace an existing output or report.")
  boolean force;

  private static final List<String> MODEL_ENDINGS =
      List.of(".safetensors", ".onnx", ".bin", ".pt", ".pth", ".gguf");

  @Override
  public Integer call() throws IOException {
    check();
    PruningPlan wanted = plan.plan();
    WorkPool pool = threads == null ? WorkPool.shared() : new WorkPool(threads);
    Path input = Objects.requireNonNull(model);
    try (Checkpoint checkpoint = Models.open(input);
        ProgressBar bar = progressBar();
        Pruner pruner =
            Pruner.builder()
                .backend(backend.name)
                .device(device)
                .pool(pool)
                .cancellation(session().cancellation())
                .listener(bar)
                .build()) {
      checkOutput(input, checkpoint.format());
      List<Path> kept = kept(checkpoint);
      checkReport(input, kept);
      PruningReport done = run(pruner, checkpoint, wanted);
      bar.clear();
      if (report != null) {
        JsonReport.Run run =
            new JsonReport.Run(
                Coppice.version(),
                input,
                checkpoint.format(),
                dryRun ? Optional.empty() : Optional.ofNullable(output));
        JsonReport.write(done, run, report, force, kept);
      }
      new PruneText(done, checkpoint, pool.threads(), width(), verbose)
          .lines(dryRun ? Optional.empty() : Optional.ofNullable(output))
          .forEach(this::print);
      Warnings.of(done).forEach(w -> console().warn("coppice: warning: " + Figures.printable(w)));
    }
    return ExitStatus.OK;
  }

  private PruningReport run(Pruner pruner, Checkpoint checkpoint, PruningPlan wanted)
      throws IOException {
    return dryRun
        ? pruner.dryRun(checkpoint, wanted)
        : pruner.prune(checkpoint, wanted, Objects.requireNonNull(output), force);
  }

  private void check() {
    if (output == null && !dryRun) {
      throw new InvalidPlanException(
          "-o OUT is required: it says where the pruned model goes; --dry-run goes without it");
    }
    if (threads != null) {
      checkThreads(threads);
    }
    if (device < 0) {
      throw new InvalidPlanException("--device must be 0 or more, not " + device);
    }
    if (report != null && output != null && whole(report).equals(whole(output))) {
      throw new InvalidPlanException("--report and -o name the same file");
    }
  }

  /** Refuses an output whose name says that it is something else than it will be. */
  private void checkOutput(Path input, String format) {
    String name = output == null ? "" : output.toString();
    boolean folder = Files.isDirectory(input);
    for (String ending : MODEL_ENDINGS) {
      if (name.endsWith(ending) && (folder || !ending.equals("." + format))) {
        throw new InvalidPlanException(
            "the output is what the model is, %s, and -o %s says otherwise; name it %s"
                .formatted(
                    folder ? "a folder" : format,
                    output,
                    name.substring(0, name.length() - ending.length())
                        + (folder ? "" : "." + format)));
      }
    }
  }

  /** Gives the files that neither the model nor the report may replace. */
  private List<Path> kept(Checkpoint checkpoint) throws IOException {
    List<Path> kept = new ArrayList<>(checkpoint.inputs());
    if (plan.recipe != null) {
      kept.add(plan.recipe);
      if (output != null
          && Files.exists(output)
          && plan.recipe.toRealPath().startsWith(output.toRealPath())) {
        throw new FileAlreadyExistsException(
            output.toString(),
            plan.recipe.toString(),
            "it is or holds the recipe; name another output");
      }
    }
    return kept;
  }

  /** Refuses a report that cannot be written before a long run, not after it. */
  private void checkReport(Path input, List<Path> kept) throws IOException {
    if (report == null) {
      return;
    }
    if (output == null || !whole(report).startsWith(whole(output))) {
      JsonReport.check(report, force, kept);
      return;
    }
    Path below = whole(output).relativize(whole(report));
    if (kept.stream().anyMatch(file -> whole(file).equals(whole(input).resolve(below)))) {
      throw new InvalidPlanException("--report names a file of the pruned model: " + report);
    }
    if (!force && Files.exists(report)) {
      JsonReport.check(report, false, kept);
    }
  }

  private static Path whole(Path path) {
    return path.toAbsolutePath().normalize();
  }

  static void checkThreads(int threads) {
    if (threads < 1 || threads > MOST_THREADS) {
      throw new InvalidPlanException(
          "--threads must be from 1 to " + MOST_THREADS + ", not " + threads);
    }
  }
}
