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
  private IntBuffer counts = allocate(1 << 16);

  /** The keys below the window, NaN not among them. */
  public long below;

  /** The elements that are NaN. */
  public long nans;

  /** How many elements the caller had added since the counters were last emptied. */
  long added;

  /**
   * Gives the counters: direct, native order, at least as many as the window has bins; absolute
   * access only.
   */
  public IntBuffer counts() {
    return counts;
  }

  /** Makes room for {@code bins} counters and sets everything to zero. */
  public void clear(int bins) {
    if (counts.capacity() < bins) {
      counts = allocate(bins);
    } else {
      for (int i = 0; i < bins; i++) {
        counts.put(i, 0);
      }
    }
    below = 0;
    nans = 0;
    added = 0;
  }

  private static IntBuffer allocate(int bins) {
    return ByteBuffer.allocateDirect(bins * Integer.BYTES)
        .order(ByteOrder.nativeOrder())
        .asIntBuffer();
  }
}
