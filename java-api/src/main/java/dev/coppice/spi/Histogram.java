package dev.coppice.spi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;

/**
 * The counters that a thread adds keys to, slice after slice. Kernels add, they never clear. A
 * counter is an unsigned 32-bit number: the caller empties the histogram before 2^32 - 1 elements
 * were added.
 */
public final class Histogram {
  private static final int[] ZEROS = new int[Window.MOST_BINS];

  private final IntBuffer counts =
      ByteBuffer.allocateDirect(Window.MOST_BINS * Integer.BYTES)
          .order(ByteOrder.nativeOrder())
          .asIntBuffer();

  /** The keys below the window, NaN not among them. */
  public long below;

  /** The elements that are NaN. */
  public long nans;

  /** How many elements the caller had added since the counters were last emptied. */
  long added;

  /** Gives the {@link Window#MOST_BINS} counters: direct, native order; absolute access only. */
  public IntBuffer counts() {
    return counts;
  }

  /** Sets the first {@code bins} counters and the sums to zero. */
  public void clear(int bins) {
    counts.put(0, ZEROS, 0, bins);
    below = 0;
    nans = 0;
    added = 0;
  }
}
