package dev.coppice.evaluation;

import java.util.Arrays;
import java.util.function.LongSupplier;

/**
 * Times two runs in turn: after some that do not count, pairs of which now one and now the other
 * begins, as many as wanted or as there is time for.
 *
 * @param clock gives nanoseconds
 * @param warmups the pairs that do not count
 * @param least the pairs that are timed in any case
 * @param most the pairs that are timed at most
 * @param seconds after which no further pair begins
 */
record Race(LongSupplier clock, int warmups, int least, int most, double seconds) {
  /** Something that takes time. */
  @FunctionalInterface
  interface Run<E extends Exception> {
    void run() throws E;
  }

  /** Enough to tell a fast model from a slow one while searching. */
  static Race quick() {
    return new Race(System::nanoTime, 2, 5, 20, 2);
  }

  /** What is shown in the end. */
  static Race whole() {
    return new Race(System::nanoTime, 3, 9, 50, 6);
  }

  <E extends Exception> Latency between(Run<E> dense, Run<E> small, int threads) throws E {
    double[] slow = new double[most];
    double[] fast = new double[most];
    for (int i = 0; i < warmups; i++) {
      dense.run();
      small.run();
    }
    long begin = clock.getAsLong();
    int pairs = 0;
    while (pairs < least || (pairs < most && since(begin) < seconds)) {
      if (pairs % 2 == 0) {
        slow[pairs] = time(dense);
        fast[pairs] = time(small);
      } else {
        fast[pairs] = time(small);
        slow[pairs] = time(dense);
      }
      pairs++;
    }
    return Latency.of(Arrays.copyOf(slow, pairs), Arrays.copyOf(fast, pairs), threads);
  }

  private <E extends Exception> double time(Run<E> run) throws E {
    long begin = clock.getAsLong();
    run.run();
    return since(begin);
  }

  private double since(long begin) {
    return (clock.getAsLong() - begin) * 1e-9;
  }
}
