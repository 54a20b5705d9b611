package dev.coppice.graph;

import dev.coppice.graph.Calibration.Activation;
import java.nio.FloatBuffer;

/** Some of the channels of what a product makes, row by row. */
final class Outputs {
  private final FloatBuffer values;
  private final int channels;
  private final int[] kept;

  /** How many elements of a channel lie one after the other. */
  private final int places;

  /**
   * Looks at what a product made: channels come second in a convolution, last otherwise.
   *
   * @param kept the channels that are read
   */
  Outputs(Product product, Activation made, int[] kept) {
    int rank = made.shape().size();
    int axis = product.node().op().equals("Conv") ? 1 : rank - 1;
    int after = 1;
    for (int i = axis + 1; i < rank; i++) {
      after *= Math.toIntExact(made.shape().get(i));
    }
    this.values = made.values();
    this.channels = Math.toIntExact(made.shape().get(axis));
    this.kept = kept;
    this.places = after;
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
