package dev.coppice.reference;

import dev.coppice.spi.GramSums;
import java.util.stream.IntStream;

/** Sums that are made in the order of the rows, whatever the number of threads. */
final class ReferenceGramSums implements GramSums {
  /** Fewer columns are not worth sharing among threads. */
  private static final int PARALLEL_COLUMNS = 65;

  private static final int TILE = 32;
  private static final int SHARE = 16;

  private final double[][] sums;

  ReferenceGramSums(int columns, int width) {
    sums = new double[columns][];
    for (int i = 0; i < columns; i++) {
      sums[i] = new double[width - i];
    }
  }

  @Override
  public void add(double[][] rows, int count) {
    IntStream all = IntStream.range(0, (sums.length + SHARE - 1) / SHARE);
    (sums.length < PARALLEL_COLUMNS ? all : all.parallel())
        .forEach(share -> addShare(share, rows, count));
  }

  private void addShare(int share, double[][] rows, int count) {
    int end = Math.min(sums.length, (share + 1) * SHARE);
    for (int from = 0; from < count; from += TILE) {
      int to = Math.min(count, from + TILE);
      for (int i = share * SHARE; i < end; i++) {
        int r = from;
        for (; r + 3 < to; r += 4) {
          addFour(sums[i], i, rows[r], rows[r + 1], rows[r + 2], rows[r + 3]);
        }
        for (; r < to; r++) {
          addOne(sums[i], i, rows[r]);
        }
      }
    }
  }

  private static void addFour(
      double[] sums, int i, double[] a, double[] b, double[] c, double[] d) {
    double ai = a[i];
    double bi = b[i];
    double ci = c[i];
    double di = d[i];
    for (int j = 0; j < sums.length; j++) {
      sums[j] += ai * a[i + j] + bi * b[i + j] + (ci * c[i + j] + di * d[i + j]);
    }
  }

  private static void addOne(double[] sums, int i, double[] a) {
    double ai = a[i];
    for (int j = 0; j < sums.length; j++) {
      sums[j] += ai * a[i + j];
    }
  }

  @Override
  public double[][] read() {
    return sums;
  }

  @Override
  public void close() {}
}
