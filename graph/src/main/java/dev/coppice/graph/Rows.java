package dev.coppice.graph;

import dev.coppice.graph.Calibration.Activation;
import java.nio.FloatBuffer;
import java.util.List;

/** What a product multiplies its weights with, and what is to come of it, row by row. */
interface Rows {
  /** Gives how many there are. */
  long count();

  /** Writes the row of a group of what flows in. */
  void readInput(long row, int group, double[] into);

  /** Writes the row of a group of what is to come out. */
  void readOutput(long row, int group, double[] into, int at);

  /**
   * Gives the rows of a product.
   *
   * @param input what flows in
   * @param output what the product of the dense model makes
   * @param kept which of its outputs are to be met
   */
  static Rows of(Product product, Activation input, Activation output, int[] kept) {
    return product.node().op().equals("Conv")
        ? new Patches(product, input, output, kept)
        : new Matrix(product, input.values(), output, kept);
  }

  /** Rows that lie there as they are. */
  record Matrix(int columns, int width, FloatBuffer input, FloatBuffer output, int[] kept)
      implements Rows {
    Matrix(Product product, FloatBuffer input, Activation output, int[] kept) {
      this(product.columns(), last(output.shape()), input, output.values(), kept);
    }

    private static int last(List<Long> shape) {
      return Math.toIntExact(shape.get(shape.size() - 1));
    }

    @Override
    public long count() {
      return input.limit() / columns;
    }

    @Override
    public void readInput(long row, int group, double[] into) {
      int from = (int) row * columns;
      for (int i = 0; i < columns; i++) {
        into[i] = input.get(from + i);
      }
    }

    @Override
    public void readOutput(long row, int group, double[] into, int at) {
      int from = (int) row * width;
      for (int i = 0; i < kept.length; i++) {
        into[at + i] = output.get(from + kept[i]);
      }
    }
  }
}
