package dev.coppice.graph;

import dev.coppice.graph.Calibration.Activation;
import java.nio.FloatBuffer;

/**
 * Some of the channels of what a product makes, row by row.
 *
 * @param values all that it makes
 * @param channels how many there are
 * @param places how many elements of a channel lie one after the other
 * @param kept the channels that are read
 */
record Outputs(FloatBuffer values, int channels, int places, int[] kept) {
  /** Looks at what a product made: channels come second in a convolution, last otherwise. */
  static Outputs of(Product product, Activation made, int[] kept) {
    int rank = made.shape().size();
    int axis = product.node().op().equals("Conv") ? 1 : rank - 1;
    int places = 1;
    for (int i = axis + 1; i < rank; i++) {
      places *= Math.toIntExact(made.shape().get(i));
    }
    return new Outputs(made.values(), Math.toIntExact(made.shape().get(axis)), places, kept);
  }

  /** Gives the number of rows. */
  int rows() {
    return values.limit() / channels;
  }

  /** Gives an element of a row. */
  float get(int row, int index) {
    return values.get((row / places * channels + kept[index]) * places + row % places);
  }
}
