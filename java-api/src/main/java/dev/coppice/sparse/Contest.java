package dev.coppice.sparse;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Which product of a layer is used, by samples that were taken in turn: the first of each, the
 * second of each, and so on. Whatever slows the machine down for a while hits all of them, so
 * ratios of samples of the same turn are steadier than times.
 *
 * <p>The best dense product is the one of the shortest median. A sparse one is used only if in
 * three of four turns it was more than {@value #MARGIN} times as fast as that: then it is no
 * accident, and what is left of the noise is less than what is gained. And its fastest sample must
 * be as much faster than the fastest dense one: a product whose threads wait for each other suffers
 * more from a busy machine than one of a single thread, in all turns alike, and what it can do is
 * seen only in the turn in which nobody disturbed it. Of those, the one of the shortest median.
 */
final class Contest {
  /** Below that nobody would notice, and the next run might say the opposite. */
  static final double MARGIN = 1.02;

  /** A product and its samples, in seconds. */
  static final class Entry {
    private final boolean dense;
    private final double[] samples;

    Entry(boolean dense, double... samples) {
      this.dense = dense;
      this.samples = samples;
    }

    double fastest() {
      return quantile(samples, 0);
    }

    double median() {
      return quantile(samples, 0.5);
    }

    /** Gives the range of the middle half of the samples. */
    double spread() {
      return quantile(samples, 0.75) - quantile(samples, 0.25);
    }
  }

  private final List<Entry> entries;
  private final Entry best;

  /** Compares products; one of them at least is dense. */
  Contest(List<Entry> entries) {
    this.entries = List.copyOf(entries);
    this.best =
        entries.stream()
            .filter(entry -> entry.dense)
            .min(Comparator.comparingDouble(Entry::median))
            .orElseThrow();
  }

  /** Gives how many times as fast as the best dense product one is: the median over the turns. */
  double speedup(Entry entry) {
    return quantile(ratios(entry), 0.5);
  }

  /** Gives what should be used. */
  Entry winner() {
    double fastestDense =
        entries.stream().filter(e -> e.dense).mapToDouble(Entry::fastest).min().orElseThrow();
    Optional<Entry> sparse =
        entries.stream()
            .filter(entry -> !entry.dense && lowerQuarter(ratios(entry)) > MARGIN)
            .filter(entry -> fastestDense / entry.fastest() > MARGIN)
            .min(Comparator.comparingDouble(Entry::median));
    return sparse.orElse(best);
  }

  /** Whether it is what should be used, or the best dense product. */
  boolean decides(Entry entry) {
    return entry == best || entry == winner();
  }

  /** Gives what at least three of four values reach. */
  private static double lowerQuarter(double[] values) {
    Arrays.sort(values);
    return values[(values.length - 1) / 4];
  }

  private double[] ratios(Entry entry) {
    double[] ratios = new double[Math.min(entry.samples.length, best.samples.length)];
    Arrays.setAll(ratios, i -> best.samples[i] / entry.samples[i]);
    return ratios;
  }

  /** Gives the value below which that share of the values lies, between two of them if need be. */
  static double quantile(double[] values, double share) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    double at = share * (sorted.length - 1);
    int below = (int) at;
    int above = Math.min(below + 1, sorted.length - 1);
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
  }
}
