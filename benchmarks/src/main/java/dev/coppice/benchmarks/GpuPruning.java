package dev.coppice.benchmarks;

import dev.coppice.Criterion;
import dev.coppice.NanPolicy;
import dev.coppice.Pattern;
import dev.coppice.ProgressListener;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.cuda.StreamHandle;
import dev.coppice.spi.Backend;
import dev.coppice.spi.Execution;
import dev.coppice.spi.PendingWeights;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.WeightsResult;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** Prunes weights where they lie on the device: what the device takes, and what a caller waits. */
final class GpuPruning {
  /**
   * What is done to the weights.
   *
   * @param words what it is called
   * @param passes how often each weight is read or written: to rank, where that is apart, then a
   *     read and a write
   */
  record Operation(String words, Rule rule, int passes) {
    static final Operation GLOBAL =
        new Operation("global 50 %", Rule.unstructured(0.5, Scope.GLOBAL), 3);
    static final Operation TENSOR =
        new Operation("tensor 50 %", Rule.unstructured(0.5, Scope.TENSOR), 3);
    static final Operation TWO_OF_FOUR = new Operation("2:4 in place", Rule.nOfM(2, 4), 2);
    static final List<Operation> ALL = List.of(GLOBAL, TENSOR, TWO_OF_FOUR);
  }

  /** How long a case may take, all that lies between its samples included. */
  private static final double MOST_SECONDS = 4;

  private static final int WARM_UP = 5000;

  /** What the device does before each sample lasts longer than the host needs to prepare it. */
  private static final double BUSY_SECONDS = 3e-3;

  private final GpuDevice device;
  private final Backend backend;
  private final RowFile rows;
  private final double copyBytesPerSecond;
  private final int busyFlushes;

  GpuPruning(GpuDevice device, Backend backend, RowFile rows, double copyBytesPerSecond) {
    this.device = device;
    this.backend = backend;
    this.rows = rows;
    this.copyBytesPerSecond = copyBytesPerSecond;
    this.busyFlushes = flushes();
  }

  private int flushes() {
    Samples one = Samples.take(1, () -> timed(() -> device.flush(1)));
    return (int) Math.min(1000, Math.max(1, Math.ceil(BUSY_SECONDS / one.median())));
  }

  private double timed(Runnable work) {
    device.begin();
    work.run();
    device.end();
    return device.seconds();
  }

  private static PruneTask task(Operation operation, GpuModel model) {
    Pattern pattern = operation.rule().pattern();
    return new PruneTask(model.weights(), new Criterion.Magnitude(), pattern, NanPolicy.REFUSE, 0);
  }

  private Execution execution() {
    return new Execution(
        WorkPool.shared(),
        Integer.MAX_VALUE,
        Execution.SLICE_BYTES,
        () -> false,
        ProgressListener.NONE,
        OptionalLong.of(StreamHandle.of(device.stream())));
  }

  /** Measures on the device, from the first kernel to the last. */
  void onDevice(Operation operation, GpuModel model, Input input, boolean cold) {
    PruneTask task = task(operation, model);
    List<Double> launches = new ArrayList<>();
    Samples samples =
        Samples.take(
            MOST_SECONDS,
            () -> {
              device.flush(busyFlushes);
              model.restore(device.stream());
              device.flush(cold ? 1 : 0);
              device.begin();
              long begin = System.nanoTime();
              try (PendingWeights pending = backend.begin(task, execution())) {
                launches.add((System.nanoTime() - begin) * 1e-9);
                device.end();
                check(operation, model, pending.await());
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
              return device.seconds();
            });
    Samples host = new Samples(launches.stream().mapToDouble(s -> s).toArray());
    Map<String, Object> row = row(operation, model, input, cold, samples);
    row.put("launch_cost_us", host.median() * 1e6);
    rows.add("device", row);
  }

  private static void check(Operation operation, GpuModel model, List<WeightsResult> results) {
    long pruned = results.stream().mapToLong(WeightsResult::pruned).sum();
    long zeros = results.stream().mapToLong(WeightsResult::zeros).sum();
    long half =
        operation.equals(Operation.GLOBAL)
            ? (long) Math.rint(0.5 * model.elements())
            : model.weights().stream()
                .mapToLong(w -> (long) Math.rint(0.5 * w.shape().elements()))
                .sum();
    if (pruned != half || zeros < half) {
      throw new IllegalStateException(
          "%s pruned %d of %d weights, %d are zero"
              .formatted(operation.words, pruned, model.elements(), zeros));
    }
  }

  private Map<String, Object> row(
      Operation operation, GpuModel model, Input input, boolean cold, Samples samples) {
    long traffic = operation.passes * model.bytes();
    double median = samples.median();
    Map<String, Object> row = new LinkedHashMap<>();
    row.put("operation", operation.words);
    row.put("dtype", model.dtype());
    row.put("weights", model.elements());
    row.put("tensors", model.weights().size());
    row.put("input", input);
    row.put("cache", cold ? "cold" : "warm");
    row.put("samples", samples.count());
    row.put("median_ms", median * 1e3);
    row.put("low_ms", samples.low() * 1e3);
    row.put("high_ms", samples.high() * 1e3);
    row.put("giga_weights_per_second", model.elements() / median * 1e-9);
    row.put("algorithmic_gb_per_second", 2.0 * model.bytes() / median * 1e-9);
    row.put("traffic_gb_per_second", traffic / median * 1e-9);
    row.put("percent_of_copy", 100 * traffic / median / copyBytesPerSecond);
    row.put("times_the_floor", median * copyBytesPerSecond / traffic);
    return row;
  }

  /** Measures what a caller of the public API waits, from the call to its report. */
  void asCalled(Operation operation, GpuModel model, boolean cold) {
    PruningPlan plan = PruningPlan.of(operation.rule);
    try (Pruner pruner = Pruner.builder().backend("cuda").build()) {
      // The JVM compiles what is called often.
      long begin = System.nanoTime();
      for (int i = 0; i < WARM_UP && System.nanoTime() - begin < 1e9; i++) {
        pruner.prune(model.tensors(), plan);
      }
      Samples samples =
          Samples.take(
              MOST_SECONDS,
              () -> {
                model.restore(device.stream());
                device.flush(cold ? 1 : 0);
                device.await();
                long called = System.nanoTime();
                pruner.prune(model.tensors(), plan);
                return (System.nanoTime() - called) * 1e-9;
              });
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("operation", operation.words);
      row.put("dtype", model.dtype());
      row.put("weights", model.elements());
      row.put("tensors", model.weights().size());
      row.put("cache", cold ? "cold" : "warm");
      row.put("samples", samples.count());
      row.put("median_us", samples.median() * 1e6);
      row.put("low_us", samples.low() * 1e6);
      row.put("high_us", samples.high() * 1e6);
      rows.add("call", row);
    }
  }
}
