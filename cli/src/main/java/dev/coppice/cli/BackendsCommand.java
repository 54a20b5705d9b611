package dev.coppice.cli;

import dev.coppice.Backends;
import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Tensor;
import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(
    name = "backends",
    header = "Show what can prune here, and how fast.%n",
    sortOptions = false,
    description = {
      "Shows each backend: what it runs on, or why it cannot be used; and how fast it prunes in"
          + " memory, beside the measured bandwidth of that memory. For cuda also its devices.",
      ""
    },
    footer = {"", "Examples:", "  coppice backends", "  coppice backends --no-measure"})
final class BackendsCommand extends SessionCommand {
  private static final int WEIGHTS = 16 << 20;
  private static final int ROUNDS = 3;

  @Option(names = "--no-measure", description = "Do not measure; takes no time.")
  boolean noMeasure;

  @Override
  public Integer call() throws IOException {
    if (!noMeasure) {
      memory();
    }
    ByteBuffer weights = noMeasure ? ByteBuffer.allocate(0) : weights();
    List<BackendsText.Row> rows = new ArrayList<>();
    for (Backends.Entry entry : Backends.all()) {
      boolean measured = !noMeasure && entry.availability() instanceof Availability.Usable;
      rows.add(
          measured
              ? measure(entry, weights)
              : new BackendsText.Row(entry, OptionalDouble.empty(), List.of()));
    }
    BackendsText.lines(rows, width()).forEach(this::print);
    if (!noMeasure) {
      print("");
      String sentence =
          "Pruning: %s of F32 weights in memory, 50 %% by magnitude, in GB of weights a second."
              .formatted(Figures.bytes(4L * WEIGHTS));
      Figures.wrapped(sentence, width()).forEach(this::print);
    }
    return ExitStatus.OK;
  }

  private void memory() throws IOException {
    try (ProgressBar bar = progressBar()) {
      Execution execution = execution(bar);
      MemoryBandwidth memory = MemoryBandwidth.measure(execution);
      print(
          "Memory: reads %s, copies %s (%s, %s)."
              .formatted(
                  Figures.gigabytes(memory.read()),
                  Figures.gigabytes(memory.copy()),
                  Figures.counted(execution.threads(), "thread"),
                  Figures.bytes(memory.bytes())));
      print("");
    }
  }

  private static ByteBuffer weights() {
    return ByteBuffer.allocateDirect(4 * WEIGHTS).order(ByteOrder.nativeOrder());
  }

  /** Fills in weights anew for each round: pruned ones would be other work. */
  private static void fill(ByteBuffer weights) throws IOException {
    int slices = 64;
    int each = WEIGHTS / slices;
    new Execution(WorkPool.shared(), Integer.MAX_VALUE, LARGE_SLICE, () -> false, (p, d, t) -> {})
        .forEach(
            slices,
            (index, worker) -> {
              SplittableRandom random = new SplittableRandom(index);
              for (int i = 0; i < each; i++) {
                // The sum of four uniform variables is close enough to how weights are spread.
                long r = random.nextLong();
                int sum = (short) r + (short) (r >> 16) + (short) (r >> 32) + (short) (r >> 48);
                weights.putFloat(4 * ((int) index * each + i), sum * 0x1p-20f);
              }
            });
  }

  /** Measures a backend that can be used; where that fails, the row says why. */
  private BackendsText.Row measure(Backends.Entry entry, ByteBuffer weights) throws IOException {
    try (Backend backend = Backends.create(entry.name())) {
      OptionalDouble speed = OptionalDouble.of(speed(entry.name(), weights));
      return new BackendsText.Row(entry, speed, backend.details());
    } catch (RuntimeException e) {
      if (session().cancellation().isCancelled()) {
        throw e;
      }
      List<String> failed = List.of("failed: " + Failure.of(e).message());
      return new BackendsText.Row(entry, OptionalDouble.empty(), failed);
    }
  }

  private double speed(String backend, ByteBuffer weights) throws IOException {
    try (Pruner pruner =
        Pruner.builder().backend(backend).cancellation(session().cancellation()).build()) {
      double best = 0;
      for (int i = 0; i < ROUNDS; i++) {
        fill(weights);
        PruningReport report =
            pruner.prune(
                Tensor.of(DType.F32, weights, WEIGHTS), PruningPlan.of(Rule.unstructured(0.5)));
        best = Math.max(best, report.gigabytesPerSecond());
      }
      return best;
    }
  }
}
