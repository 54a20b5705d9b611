package dev.coppice.spi;

import dev.coppice.DType;

/**
 * What a pass has counted within a window: 64-bit sums, which add up over slices, tensors and
 * types.
 */
final class Counts {
  private final Window window;
  private final long[] bins;
  private long below;
  private long nans;

  Counts(Window window) {
    this.window = window;
    this.bins = new long[window.bins()];
  }

  Window window() {
    return window;
  }

  long below() {
    return below;
  }

  long nans() {
    return nans;
  }

  long bin(int index) {
    return bins[index];
  }

  /** Adds a thread's histogram of the same window. */
  synchronized void add(Histogram histogram) {
    int[] counts = new int[bins.length];
    histogram.counts().get(0, counts);
    for (int i = 0; i < bins.length; i++) {
      bins[i] += Integer.toUnsignedLong(counts[i]);
    }
    below += histogram.below;
    nans += histogram.nans;
  }

  /**
   * Adds other counts of the same window, of which only the {@code cap} smallest elements take
   * part.
   */
  void add(Counts other, long cap) {
    long taken = Math.min(other.below, cap);
    below += taken;
    for (int i = 0; i < bins.length; i++) {
      long part = Math.min(other.bins[i], cap - taken);
      bins[i] += part;
      taken += part;
    }
    nans += other.nans;
  }

  /**
   * Gives these counts of all of a narrower type's keys, bin by bin, as counts of F32 keys within
   * {@code target}.
   */
  Counts widen(DType type, Window target) {
    Counts wide = new Counts(target);
    wide.nans = nans;
    for (int key = 0; key < bins.length; key++) {
      long widened = type.widen(key);
      if (bins[key] == 0 || widened >= target.end()) {
        continue;
      }
      if (widened < target.base()) {
        wide.below += bins[key];
      } else {
        wide.bins[(int) ((widened - target.base()) >>> target.shift())] += bins[key];
      }
    }
    return wide;
  }
}
