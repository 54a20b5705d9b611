package dev.coppice.graph;

import java.util.stream.IntStream;

/**
 * The sums of products of what flows into a layer with itself and with what is to come out of it.
 * They are made in the order of the rows, whatever the number of threads. For one thread at a time.
 */
final class Gram {
  /** Fewer columns are not worth sharing among threads. */
  private static final int PARALLEL_COLUMNS = 64;

  private static final int BLOCK = 256;
  private static final int TILE = 32;
  private static final int SHARE = 16;

  private final int columns;
  private final int outputs;
  private final double[][] block;

  /** Row i: column i times itself, the columns after it, a column of ones, and the outputs. */
  private final double[][] sums;

  private final double[] squares;
  private int filled;

  Gram(int columns, int outputs) {
    this.columns = columns;
    this.outputs = outputs;
    int width = columns + 1 + outputs;
    block = new double[BLOCK][width];
    sums = new double[columns + 1][];
    for (int i = 0; i <= columns; i++) {
      sums[i] = new double[width - i];
    }
    squares = new double[outputs];
  }

  /** Gives about how many bytes one takes, and {@link Ridge} on it. */
  static double bytes(int columns, int outputs) {
    double width = columns + 1.0 + outputs;
    return 8 * (width * (BLOCK + columns) + 2.0 * columns * columns + 6.0 * columns * outputs);
  }

  int columns() {
    return columns;
  }

  int outputs() {
    return outputs;
  }

  /** Gives an array to write the next row to: what flows in, at {@link #target} what comes out. */
  double[] next() {
    if (filled == BLOCK) {
      flush();
    }
    double[] row = block[filled++];
    row[columns] = 1;
    return row;
  }

  /** Gives where the outputs begin in a row. */
  int target() {
    return columns + 1;
  }

  /** Adds to the sums what was written since the last time. */
  void flush() {
    int shares = (columns + SHARE) / SHARE;
    IntStream all = IntStream.range(0, shares);
    (columns < PARALLEL_COLUMNS ? all : all.parallel()).forEach(this::addShare);
    for (int r = 0; r < filled; r++) {
      for (int j = 0; j < outputs; j++) {
        double value = block[r][columns + 1 + j];
        squares[j] += value * value;
      }
    }
    filled = 0;
  }

  private void addShare(int share) {
    int end = Math.min(columns + 1, (share + 1) * SHARE);
    for (int from = 0; from < filled; from += TILE) {
      int to = Math.min(filled, from + TILE);
      for (int i = share * SHARE; i < end; i++) {
        int r = from;
        for (; r + 3 < to; r += 4) {
          addFour(sums[i], i, block[r], block[r + 1], block[r + 2], block[r + 3]);
        }
        for (; r < to; r++) {
          addOne(sums[i], i, block[r]);
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

  /** Gives the number of rows. */
  double rows() {
    return sums[columns][0];
  }

  /** Gives the sum of the products of two columns, the first not after the second. */
  double product(int first, int second) {
    return sums[first][second - first];
  }

  /** Gives the sum of a column. */
  double sum(int column) {
    return sums[column][columns - column];
  }

  /** Gives the sum of the products of a column and an output. */
  double cross(int column, int output) {
    return sums[column][columns + 1 + output - column];
  }

  /** Gives the sum of an output. */
  double outputSum(int output) {
    return sums[columns][1 + output];
  }

  /** Gives the sum of an output's squares. */
  double outputSquares(int output) {
    return squares[output];
  }
}
