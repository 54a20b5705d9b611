package dev.coppice.benchmarks;

import java.util.Collection;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** Runs the JMH benchmarks and relates their times to the memory's, measured in the same run. */
final class MemorySuite {
  private final Results results;
  private final boolean small;
  private double read;
  private double copy;

  /**
   * Makes a suite.
   *
   * @param small whether a run is only to show that everything works
   */
  MemorySuite(Results results, boolean small) {
    this.results = results;
    this.small = small;
  }

  /**
   * Measures what memory can do: bytes per second of reading, and of copying, both ways counted.
   */
  void memory() throws RunnerException {
    int bytes = small ? 4_000_000 : 400_000_000;
    ChainedOptionsBuilder options = options("MemoryBenchmark").param("bytes", "" + bytes);
    for (RunResult result : run(options)) {
      boolean copies = result.getPrimaryResult().getLabel().equals("copy");
      double speed = bytes * (copies ? 2.0 : 1.0) / least(result);
      read = copies ? read : Math.max(read, speed);
      copy = copies ? Math.max(copy, speed) : copy;
      results
          .add("memory")
          .with("pass", result.getPrimaryResult().getLabel())
          .with("probe", result.getParams().getParam("probe"))
          .with("seconds", median(result))
          .with("best_seconds", least(result))
          .with("gigabytes_per_second", speed / 1e9);
    }
  }

  /** Measures pruning in memory. */
  void prune() throws RunnerException {
    String weights = small ? "1000000" : "100000000";
    ChainedOptionsBuilder all = options("PruneBenchmark").param("weights", weights);
    run(all).forEach(this::addPruning);
    ChainedOptionsBuilder reference =
        options("PruneBenchmark")
            .param("weights", weights)
            .param("backend", "reference")
            .param("input", "GAUSSIAN")
            .warmupIterations(1)
            .measurementIterations(small ? 1 : 3);
    run(reference).forEach(this::addPruning);
  }

  /** Measures each kernel on one thread. */
  void kernels() throws RunnerException {
    int bytes = small ? 4 << 20 : 128 << 20;
    for (RunResult result : run(options("KernelBenchmark").param("bytes", "" + bytes))) {
      boolean writes = !result.getPrimaryResult().getLabel().equals("histogram");
      results
          .add("kernels")
          .with("kernel", result.getPrimaryResult().getLabel())
          .with("dtype", result.getParams().getParam("dtype"))
          .with("backend", result.getParams().getParam("backend"))
          .with("seconds", median(result))
          .with("gigabytes_per_second", bytes * (writes ? 2.0 : 1.0) / median(result) / 1e9);
    }
  }

  /** Measures eight calls at once against one after the other. */
  void server() throws RunnerException {
    int bytes = small ? 1 << 20 : 128 << 20;
    for (RunResult result : run(options("ServerBenchmark").param("bytes", "" + bytes))) {
      results
          .add("server")
          .with("calls", result.getPrimaryResult().getLabel())
          .with("seconds", median(result))
          .with("best_seconds", least(result))
          .with("gigabytes_per_second", 8.0 * bytes / median(result) / 1e9);
    }
  }

  private void addPruning(RunResult result) {
    String dtype = result.getParams().getParam("dtype");
    String rule = result.getParams().getParam("rule");
    int element = dtype.equals("F32") ? 4 : 2;
    double bytes = element * Double.parseDouble(result.getParams().getParam("weights"));
    int reads = rule.equals("2:4") ? 0 : element / 2;
    double seconds = median(result);
    double floor = reads * bytes / read + 2 * bytes / copy;
    results
        .add("prune")
        .with("rule", rule)
        .with("dtype", dtype)
        .with("input", result.getParams().getParam("input"))
        .with("backend", result.getParams().getParam("backend"))
        .with("seconds", seconds)
        .with("best_seconds", least(result))
        .with("worst_seconds", result.getPrimaryResult().getStatistics().getMax())
        .with("gigabytes_per_second", (reads + 2) * bytes / seconds / 1e9)
        .with("floor_seconds", floor)
        .with("times_the_floor", seconds / floor);
  }

  private ChainedOptionsBuilder options(String benchmark) {
    ChainedOptionsBuilder options =
        new OptionsBuilder().include("\\." + benchmark + "\\.").shouldFailOnError(true);
    return small
        ? options.warmupIterations(0).measurementIterations(1).measurementTime(TimeValue.seconds(1))
        : options;
  }

  private static Collection<RunResult> run(ChainedOptionsBuilder options) throws RunnerException {
    return new Runner(options.build()).run();
  }

  private static double median(RunResult result) {
    return result.getPrimaryResult().getStatistics().getPercentile(50);
  }

  private static double least(RunResult result) {
    return result.getPrimaryResult().getStatistics().getMin();
  }
}
