package dev.coppice.spi;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where a slice lies in its tensor: {@code runs} runs of {@code runLength} elements, {@code stride}
 * apart, from element {@code first} on. Runs ascend and do not overlap.
 */
public record Region(Weights weights, long first, int runs, int runLength, long stride) {
  static Region contiguous(Weights weights, long first, int length) {
    return new Region(weights, first, 1, length, length);
  }

  /** Gives the number of elements. */
  public int elements() {
    return runs * runLength;
  }

  /** Gives the number of bytes, densely packed. */
  public int bytes() {
    return elements() * weights.dtype().bytes();
  }

  /** Says that there is nothing between the runs. */
  public boolean isContiguous() {
    return runs == 1 || stride == runLength;
  }

  /**
   * Reads the region's elements, densely packed, into the first {@link #bytes} bytes after the
   * buffer's position; position and limit stay.
   */
  public void load(ByteBuffer into) throws IOException {
    forEachRun(into, weights::read);
  }

  /**
   * Writes the region's elements from where {@link #load} puts them; the buffer's position and
   * limit stay.
   */
  public void store(ByteBuffer from) throws IOException {
    forEachRun(from, weights::write);
  }

  private interface Transfer {
    void run(long first, ByteBuffer data) throws IOException;
  }

  private void forEachRun(ByteBuffer dense, Transfer transfer) throws IOException {
    int together = isContiguous() ? 1 : runs;
    int run = bytes() / together;
    ByteBuffer data = dense.duplicate().order(dense.order());
    int begin = dense.position();
    for (int i = 0; i < together; i++) {
      data.limit(begin + (i + 1) * run).position(begin + i * run);
      transfer.run(first + i * stride, data);
    }
  }
}
