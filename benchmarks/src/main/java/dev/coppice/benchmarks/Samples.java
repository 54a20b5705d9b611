package dev.coppice.benchmarks;

import java.util.Arrays;

/** How long something took, sample by sample. */
final class Samples {
  private static final int LEAST = 10;
  private static final int MOST = 10_000;
  private static final double LEAST_SECONDS = Boolean.getBoolean("coppice.bench.small") ? 0 : 0.5;

  private final double[] seconds;

  /** Keeps a copy of these. */
  Samples(double[] seconds) {
    this.seconds = seconds.clone();
    Arrays.sort(this.seconds);
  }

  /** Takes one sample. */
  @FunctionalInterface
  interface Sample {
    double seconds();
  }

  /**
   * Takes at least ten samples and half a second of them, after two that do not count; no more than
   * so many seconds with all that lies between them, but ten in any case.
   */
  static Samples take(double mostSeconds, Sample sample) {
    sample.seconds();
    sample.seconds();
    long begin = System.nanoTime();
    double[] taken = new double[MOST];
    int count = 0;
    double sum = 0;
    while (count < LEAST
        || (count < MOST
            && sum < LEAST_SECONDS
            && (System.nanoTime() - begin) * 1e-9 < mostSeconds)) {
      taken[count] = sample.seconds();
      sum += taken[count++];
    }
    return new Samples(Arrays.copyOf(taken, count));
  }

  int count() {
    return seconds.length;
  }

  double median() {
    int middle = seconds.length / 2;
    return seconds.length % 2 == 1 ? seconds[middle] : (seconds[middle - 1] + seconds[middle]) / 2;
  }

  /** Gives the sample that a tenth of all are not above. */
  double low() {
    return seconds[seconds.length / 10];
  }

  /** Gives the sample that a tenth of all are not below. */
  double high() {
    return seconds[seconds.length - 1 - seconds.length / 10];
  }
}
