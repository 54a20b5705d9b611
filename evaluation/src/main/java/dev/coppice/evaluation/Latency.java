package dev.coppice.evaluation;

import java.util.Arrays;

/**
 * How long two models take for the same inputs, each in turn with the other, so that what else the
 * machine does meets both.
 *
 * @param dense the dense model's runs
 * @param small the smaller model's runs
 * @param ratio the median, over the pairs of runs, of the smaller model's time by the dense one's
 * @param pairs how often each was timed
 * @param threads how many threads each had
 */
public record Latency(Spread dense, Spread small, double ratio, int pairs, int threads) {
  /**
   * The seconds of one model's runs.
   *
   * @param low a quarter of the runs took less
   * @param high a quarter took longer
   */
  public record Spread(double median, double low, double high) {
    static Spread of(double[] seconds) {
      double[] sorted = seconds.clone();
      Arrays.sort(sorted);
      return new Spread(quantile(sorted, 0.5), quantile(sorted, 0.25), quantile(sorted, 0.75));
    }
  }

  static Latency of(double[] dense, double[] small, int threads) {
    double[] ratios = new double[dense.length];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = small[i] / dense[i];
    }
    return new Latency(
        Spread.of(dense), Spread.of(small), Spread.of(ratios).median(), dense.length, threads);
  }

  /** Interpolates between the two nearest of sorted values. */
  private static double quantile(double[] sorted, double share) {
    double place = share * (sorted.length - 1);
    int below = (int) place;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
  }
}
