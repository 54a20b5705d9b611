package dev.coppice.simd;

import java.util.Arrays;

/** The rows of a layer, cut into stretches that take about as many bytes each. */
final class Stretches {
  /** Rows that stay together: whole tiles of 2:4, and of the kernels' registers. */
  private static final int UNIT = 48;

  private final long[] bounds;

  private Stretches(long[] bounds) {
    this.bounds = bounds;
  }

  static Stretches of(NativeWeights weights, int count) {
    long out = weights.weights().out();
    long units = (out + UNIT - 1) / UNIT;
    long[] bounds = new long[(int) Math.min(count, units) + 1];
    long all = weights.bytesBefore(out);
    for (int i = 1; i < bounds.length; i++) {
      double share = (double) all * i / (bounds.length - 1);
      long row = bounds[i - 1];
      while (row < out && weights.bytesBefore(row) < share) {
        row = Math.min(out, row + UNIT);
      }
      bounds[i] = row;
    }
    bounds[bounds.length - 1] = out;
    return new Stretches(Arrays.stream(bounds).distinct().toArray());
  }

  int count() {
    return bounds.length - 1;
  }

  long first(long stretch) {
    return bounds[(int) stretch];
  }

  long end(long stretch) {
    return bounds[(int) stretch + 1];
  }
}
