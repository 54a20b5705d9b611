package dev.coppice.graph;

import dev.coppice.spi.GramSums;

/**
 * The sums of products of what flows into a layer with itself and with what is to come out of it.
 * For one thread at a time.
 */
final class Gram implements AutoCloseable {
  private static final int BLOCK = 256;

  private final int columns;
  private final int outputs;
  private final GramSums adding;
  private final double[][] block;

  /** Row i: column i times itself, the columns after it, a column of ones, and the outputs. */
  private double[][] sums = {};

  private final double[] squares;
  private int filled;

  /**
   * Begins without rows.
   *
   * @param adding adds up {@code columns + 1} of {@link #width} numbers
   */
  Gram(GramSums adding, int columns, int outputs) {
    this.columns = columns;
    this.outputs = outputs;
    this.adding = adding;
    block = new double[BLOCK][width(columns, outputs)];
    squares = new double[outputs];
  }

  /** Gives how many numbers a row has. */
  static int width(int columns, int outputs) {
    return columns + 1 + outputs;
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
    adding.add(block, filled);
    for (int r = 0; r < filled; r++) {
      for (int j = 0; j < outputs; j++) {
        double value = block[r][columns + 1 + j];
        squares[j] += value * value;
      }
    }
    filled = 0;
  }

  /** Completes the sums: what follows asks for them. */
  void end() {
    flush();
    sums = adding.read();
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

  /** Gives back what adding up holds of a device; the sums stay. */
  @Override
  public void close() {
    adding.close();
  }
}
