package dev.coppice.benchmarks;

import java.util.List;
import java.util.Optional;

/** What Coppice has to reach, as ratios of figures of one run. */
final class Targets {
  private final Results results;

  private Targets(Results results) {
    this.results = results;
  }

  /** Adds a table of those targets whose figures were measured. */
  static void add(Results results) {
    Targets targets = new Targets(results);
    targets.againstTorch("F32", 150, 25);
    targets.againstTorch("BF16", 80, 12);
    for (String dtype : List.of("F32", "BF16")) {
      for (String rule : List.of("tensor", "2:4")) {
        results
            .find("prune", "dtype", dtype, "rule", rule, "input", "GAUSSIAN", "backend", "native")
            .ifPresent(
                row ->
                    targets.atMost(
                        dtype + ", " + rule + ": times the memory floor",
                        row.number("times_the_floor"),
                        2.5));
      }
      targets.referenceAgainstNative(dtype);
    }
    targets.largeModel();
    targets.linear("F32", "bitmap", "50 %", 1.4);
    targets.linear("F32", "bitmap", "80 %", 2.5);
    targets.linear("F32", "2:4", "50 %", 1.4);
    targets.linear("BF16", "bitmap", "50 %", 1.1);
    targets.linear("BF16", "bitmap", "80 %", 1.8);
    targets.linear("BF16", "2:4", "50 %", 1.1);
    Optional<Results.Row> one = results.find("server", "calls", "oneAfterTheOther");
    Optional<Results.Row> all = results.find("server", "calls", "allAtOnce");
    if (one.isPresent() && all.isPresent()) {
      targets.atLeast(
          "eight at once: throughput of one after the other",
          one.get().number("seconds") / all.get().number("seconds"),
          0.9);
    }
  }

  private void againstTorch(String dtype, double alone, double whole) {
    Optional<Results.Row> torch = command(dtype, "torch");
    if (torch.isEmpty()) {
      return;
    }
    double prune = torch.get().number("prune_seconds");
    results
        .find("prune", "dtype", dtype, "rule", "global", "input", "GAUSSIAN", "backend", "native")
        .ifPresent(
            row ->
                atLeast(
                    dtype + ", global, pruning alone: times faster than torch",
                    prune / row.number("seconds"),
                    alone));
    command(dtype, "coppice native")
        .ifPresent(
            row ->
                atLeast(
                    dtype + ", global, file to file: times faster than torch",
                    torch.get().number("seconds") / row.number("seconds"),
                    whole));
  }

  private void referenceAgainstNative(String dtype) {
    Optional<Results.Row> fast = pruning(dtype, "native");
    Optional<Results.Row> plain = pruning(dtype, "reference");
    if (fast.isPresent() && plain.isPresent()) {
      add(
          dtype + ", global: times that native is faster than reference",
          plain.get().number("seconds") / fast.get().number("seconds"),
          "measured",
          true);
    }
  }

  private void linear(String dtype, String format, String sparsity, double reach) {
    results
        .find("linear", "dtype", dtype, "batch", 1, "format", format, "sparsity", sparsity)
        .ifPresent(
            row ->
                atLeast(
                    "%s, batch 1, %s %s: times the best dense product"
                        .formatted(dtype, format, sparsity),
                    row.number("speedup"),
                    reach));
  }

  private void largeModel() {
    Optional<Results.Row> copy =
        results.find("command", "model", "large", "command", "cp and fsync");
    results
        .find("command", "model", "large", "command", "coppice native, -Xmx256m")
        .ifPresent(
            row -> {
              atMost(
                  "large checkpoint, global: times cp and fsync",
                  row.number("seconds") / copy.orElseThrow().number("seconds"),
                  2.5);
              atMost("large checkpoint: resident MiB", row.number("resident_mib"), 600);
            });
  }

  private Optional<Results.Row> pruning(String dtype, String backend) {
    return results.find(
        "prune", "dtype", dtype, "rule", "global", "input", "GAUSSIAN", "backend", backend);
  }

  private Optional<Results.Row> command(String model, String command) {
    return results.find("command", "model", model, "command", command);
  }

  private void atLeast(String measure, double value, double reach) {
    add(measure, value, "at least " + reach, value >= reach);
  }

  private void atMost(String measure, double value, double reach) {
    add(measure, value, "at most " + reach, value <= reach);
  }

  private void add(String measure, double value, String reach, boolean reached) {
    results
        .add("targets")
        .with("measure", measure)
        .with("value", value)
        .with("reach", reach)
        .with("reached", reached ? "yes" : "no");
  }
}
