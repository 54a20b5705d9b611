package dev.coppice.graph;

import dev.coppice.graph.Calibration.Activation;
import java.nio.FloatBuffer;
import java.util.List;

/** What a product multiplies its weights with, row by row. */
interface Rows {
  /** Writes the row of a group. */
  void read(int row, int group, double[] into);

  /**
   * Gives the rows of a product.
   *
   * @param spatial the sizes of the axes of its output, from the third on
   */
  static Rows of(Product product, Activation input, List<Long> spatial) {
    return product.node().op().equals("Conv")
        ? new Patches(product, input, spatial)
        : new Matrix(product.columns(), input.values());
  }

  /** Rows that lie there as they are. */
  record Matrix(int columns, FloatBuffer input) implements Rows {
    @Override
    public void read(int row, int group, double[] into) {
      int from = row * columns;
      for (int i = 0; i < columns; i++) {
        into[i] = input.get(from + i);
      }
    }
  }
}
