package dev.coppice.evaluation;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** What is measured on a model's answers. */
public final class Metrics {
  private Metrics() {}

  /**
   * Gives Spearman's rank correlation, in [-1, 1]: Pearson's of the ranks, where equal values share
   * the mean of their ranks. NaN if all values of one side are equal.
   */
  public static double spearman(double[] a, double[] b) {
    if (a.length != b.length) {
      throw new IllegalArgumentException(
          "both sides must have the same length, not " + a.length + " and " + b.length);
    }
    return pearson(ranks(a), ranks(b));
  }

  private static double[] ranks(double[] values) {
    int[] order =
        IntStream.range(0, values.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> values[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    double[] ranks = new double[values.length];
    for (int from = 0, to; from < order.length; from = to) {
      to = from + 1;
      while (to < order.length && values[order[to]] == values[order[from]]) {
        to++;
      }
      for (int i = from; i < to; i++) {
        ranks[order[i]] = (from + to - 1) / 2.0;
      }
    }
    return ranks;
  }

  private static double pearson(double[] a, double[] b) {
    double meanA = Arrays.stream(a).average().orElse(Double.NaN);
    double meanB = Arrays.stream(b).average().orElse(Double.NaN);
    double product = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      product += (a[i] - meanA) * (b[i] - meanB);
      squaresA += (a[i] - meanA) * (a[i] - meanA);
      squaresB += (b[i] - meanB) * (b[i] - meanB);
    }
    return product / Math.sqrt(squaresA * squaresB);
  }

  /** Gives the cosine of the angle between two vectors; NaN if one of them is zero. */
  public static double cosine(float[] a, float[] b) {
    double product = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      product += (double) a[i] * b[i];
      squaresA += (double) a[i] * a[i];
      squaresB += (double) b[i] * b[i];
    }
    return product / Math.sqrt(squaresA * squaresB);
  }

  /** Gives the mean cosine between vectors of the same index. */
  static double meanCosine(float[][] a, float[][] b) {
    return IntStream.range(0, a.length)
        .mapToDouble(i -> cosine(a[i], b[i]))
        .average()
        .orElseThrow();
  }

  /** Gives the cosines of all pairs (i, j) with i below j, in the order of i, then j. */
  static double[] pairwiseCosines(float[][] vectors) {
    return IntStream.range(0, vectors.length)
        .boxed()
        .flatMapToDouble(
            i ->
                IntStream.range(i + 1, vectors.length)
                    .mapToDouble(j -> cosine(vectors[i], vectors[j])))
        .toArray();
  }

  /** Gives the share of vectors whose nearest other one, by cosine, has the same label. */
  static double nearestNeighbourAccuracy(float[][] vectors, List<String> labels) {
    long right =
        IntStream.range(0, vectors.length)
            .filter(i -> labels.get(i).equals(labels.get(nearest(vectors, i))))
            .count();
    return (double) right / vectors.length;
  }

  private static int nearest(float[][] vectors, int of) {
    return IntStream.range(0, vectors.length)
        .filter(i -> i != of)
        .boxed()
        .max(Comparator.comparingDouble(i -> cosine(vectors[of], vectors[i])))
        .orElseThrow();
  }

  /** Gives the share of answers that are the label of the same index. */
  static double accuracy(int[] answers, byte[] labels) {
    long right = IntStream.range(0, labels.length).filter(i -> answers[i] == labels[i]).count();
    return (double) right / labels.length;
  }
}
