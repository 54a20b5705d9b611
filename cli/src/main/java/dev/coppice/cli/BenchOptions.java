package dev.coppice.cli;

import dev.coppice.formats.files.FileTarget;
import dev.coppice.formats.plan.JsonPlan;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.Planner;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What is measured, where, and where it is written. */
final class BenchOptions {
  @Option(
      names = "--batch",
      paramLabel = "N",
      split = ",",
      description =
          "Rows of x, one or more numbers (default: 1,8,64). What would take too long is measured"
              + " with fewer.")
  List<Long> batches = Planner.USUAL_BATCHES;

  @Option(
      names = "--device",
      paramLabel = "DEVICE",
      description = "cpu, or cuda:0 for a GPU (default: cpu).")
  String device = "cpu";

  @Option(
      names = {"-T", "--threads"},
      paramLabel = "T",
      description = "Threads of the processor (default: all).")
  @Nullable Integer threads;

  @Option(
      names = "--report",
      paramLabel = "PLAN.json",
      description =
          "Also write the plan: what was measured and chosen, for programs and for SparseLinear;"
              + " docs/linear.md is its schema.")
  @Nullable Path report;

  @Option(names = "--force", description = "Replace an existing report.")
  boolean force;

  Device where() {
    Device named = Device.named(device);
    if (threads == null) {
      return named;
    }
    PruneCommand.checkThreads(threads);
    if (named instanceof Device.Cuda) {
      throw new IllegalArgumentException("--threads is for the processor, not for " + named);
    }
    return Device.cpu(threads);
  }

  List<Long> rows() {
    if (batches.stream().anyMatch(rows -> rows < 1)) {
      throw new IllegalArgumentException("--batch must be 1 or more, not " + batches);
    }
    return batches.stream().sorted().distinct().toList();
  }

  /** Finds out before a long run whether the report can be written. */
  void check(List<Path> inputs) throws IOException {
    if (report != null) {
      FileTarget.begin(report, force, inputs).close();
    }
  }

  void write(LinearPlan plan, List<Path> inputs) throws IOException {
    if (report != null) {
      JsonPlan.write(plan, Coppice.version(), report, force, inputs);
    }
  }
}
