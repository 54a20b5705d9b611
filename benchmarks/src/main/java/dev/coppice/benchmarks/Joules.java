package dev.coppice.benchmarks;

import java.util.OptionalDouble;
import java.util.function.Supplier;

/**
 * The energy of a product, over samples of it that follow one another: from the first move of a
 * counter, which moves now and then, to the last.
 */
final class Joules {
  /** A look costs some of what a sample does. */
  private static final double LOOK_SECONDS = 5e-3;

  private record Reading(double joules, long products) {}

  private final Supplier<OptionalDouble> counter;
  private OptionalDouble seen = OptionalDouble.empty();
  private Reading first = new Reading(0, 0);
  private Reading last = first;
  private long products;
  private double unseen;

  /**
   * @param counter gives the joules so far, where they are counted
   */
  Joules(Supplier<OptionalDouble> counter) {
    this.counter = counter;
  }

  /** Takes notice of so many products, which took so many seconds. */
  void ran(long count, double seconds) {
    products += count;
    unseen += seconds;
    if (unseen < LOOK_SECONDS) {
      return;
    }
    unseen = 0;
    OptionalDouble now = counter.get();
    if (now.isPresent() && seen.isPresent() && now.getAsDouble() != seen.getAsDouble()) {
      last = new Reading(now.getAsDouble(), products);
      first = first.products == 0 ? last : first;
    }
    seen = now;
  }

  /** Gives what one product took; nothing unless the counter has moved twice. */
  OptionalDouble ofOne() {
    return last.products == first.products
        ? OptionalDouble.empty()
        : OptionalDouble.of((last.joules - first.joules) / (last.products - first.products));
  }
}
