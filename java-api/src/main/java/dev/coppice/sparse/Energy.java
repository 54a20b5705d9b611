package dev.coppice.sparse;

import dev.coppice.Tensor;
import dev.coppice.spi.LinearBench;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Measures the energy of a product, by a counter that moves in steps, of up to some tenths of a
 * second: from one move to another, while products run without a pause.
 */
final class Energy {
  /** How long products run between two looks at the counter. */
  private static final double LOOK_SECONDS = 5e-3;

  /** A counter that has not moved for so long does not count. */
  private static final double LONGEST_STEP = 0.4;

  private static final int MOST_CALLS = 1_000_000;

  private record Reading(double joules, long products, double seconds) {}

  private final LinearBench bench;
  private final Contender contender;
  private final Tensor x;
  private final Tensor y;
  private final Runnable checkpoint;

  /**
   * @param checkpoint is called between looks at the counter, and throws where it is to end
   */
  Energy(LinearBench bench, Contender contender, Tensor x, Tensor y, Runnable checkpoint) {
    this.bench = bench;
    this.contender = contender;
    this.x = x;
    this.y = y;
    this.checkpoint = checkpoint;
  }

  /**
   * Gives the joules of one product, measured over so many seconds of them and up to a step more on
   * both sides; nothing where none are counted.
   */
  Optional<Double> joules(double seconds) {
    OptionalDouble now = bench.joules();
    if (now.isEmpty()) {
      return Optional.empty();
    }
    Optional<Reading> next = move(new Reading(now.getAsDouble(), 0, 0));
    if (next.isEmpty()) {
      return Optional.empty();
    }
    Reading from = next.get();
    Reading to = from;
    while (to.seconds - from.seconds < seconds) {
      next = move(to);
      if (next.isEmpty()) {
        return Optional.empty();
      }
      to = next.get();
    }
    return Optional.of((to.joules - from.joules) / (to.products - from.products));
  }

  /** Runs products until the counter has moved; gives nothing if it does not. */
  private Optional<Reading> move(Reading from) {
    double expected = contender.expected(x.shape().dimension(0)).orElseThrow();
    int calls = (int) Math.max(1, Math.min(MOST_CALLS, LOOK_SECONDS / Math.max(expected, 1e-9)));
    Reading now = from;
    while (now.joules == from.joules && now.seconds - from.seconds < LONGEST_STEP) {
      checkpoint.run();
      double each = contender.seconds(bench, x, y, calls);
      now =
          new Reading(
              bench.joules().orElse(from.joules), now.products + calls, now.seconds + calls * each);
    }
    return now.joules == from.joules ? Optional.empty() : Optional.of(now);
  }
}
