package dev.coppice.sparse;

import dev.coppice.Tensor;
import dev.coppice.spi.LinearBench;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Measures the energy of products, by a counter that moves in steps, of up to some tenths of a
 * second: from one move to another, while a product runs without a pause. A counter that did not
 * count once is not asked again.
 */
final class Energy {
  /** How long products run between two looks at the counter. */
  private static final double LOOK_SECONDS = 5e-3;

  /** A counter that has not moved for so long does not count. */
  private static final double LONGEST_STEP = 0.4;

  private static final int MOST_CALLS = 1_000_000;

  private record Reading(double joules, long products, double seconds) {}

  private final LinearBench bench;
  private final Runnable checkpoint;
  private boolean counts = true;
  private double spent;

  /**
   * @param checkpoint is called between looks at the counter, and throws where it is to end
   */
  Energy(LinearBench bench, Runnable checkpoint) {
    this.bench = bench;
    this.checkpoint = checkpoint;
  }

  /** Gives how many seconds of products it has taken. */
  double spent() {
    return spent;
  }

  /**
   * Gives the joules of one product, measured over so many seconds of them and up to a step more on
   * both sides; nothing where none are counted.
   */
  Optional<Double> joules(Contender contender, Tensor x, Tensor y, double seconds) {
    OptionalDouble now = counts ? bench.joules() : OptionalDouble.empty();
    Optional<Double> joules =
        now.isEmpty()
            ? Optional.empty()
            : new Stretch(contender, x, y).joules(now.getAsDouble(), seconds);
    counts = joules.isPresent();
    return joules;
  }

  /** One product that runs. */
  private final class Stretch {
    private final Contender contender;
    private final Tensor x;
    private final Tensor y;

    Stretch(Contender contender, Tensor x, Tensor y) {
      this.contender = contender;
      this.x = x;
      this.y = y;
    }

    Optional<Double> joules(double now, double seconds) {
      Optional<Reading> next = move(new Reading(now, 0, 0));
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
        spent += calls * each;
        now =
            new Reading(
                bench.joules().orElse(from.joules),
                now.products + calls,
                now.seconds + calls * each);
      }
      return now.joules == from.joules ? Optional.empty() : Optional.of(now);
    }
  }
}
