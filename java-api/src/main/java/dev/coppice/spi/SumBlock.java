package dev.coppice.spi;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Chunks of a tensor's slices that are added up together. Its regions, densely packed one after the
 * other, are a row-major array [outer, rows, inner]; row r belongs to slice {@code slice + r}. Of a
 * row's elements, in ascending order of (outer, inner), those from {@code from} to before {@code
 * to} are the chunks of the slice from number {@code chunk} on.
 */
public record SumBlock(
    List<Region> regions,
    int outer,
    int rows,
    int inner,
    int from,
    int to,
    long slice,
    long chunk) {
  /** Gives the number of elements. */
  public int elements() {
    return outer * rows * inner;
  }

  /** Gives the chunks of each row. */
  public int chunks() {
    return (to - from + ChunkedSum.CHUNK - 1) / ChunkedSum.CHUNK;
  }

  /** Gives the number of bytes, densely packed. */
  public int bytes() {
    return regions.stream().mapToInt(Region::bytes).sum();
  }

  /** Gives the bytes of what is added up: blocks may overlap in what they read. */
  public long summedBytes() {
    return (long) rows * (to - from) * regions.get(0).weights().dtype().bytes();
  }

  /** Reads the elements, densely packed, from the buffer's position on, which stays. */
  public void load(ByteBuffer into) throws IOException {
    ByteBuffer data = into.duplicate().order(into.order());
    for (Region region : regions) {
      region.load(data);
      data.position(data.position() + region.bytes());
    }
  }

  /** Gives the row-major index in the tensor of element {@code i} of the block. */
  public long index(int i) {
    int left = i;
    for (Region region : regions) {
      if (left < region.elements()) {
        return region.first()
            + left / region.runLength() * region.stride()
            + left % region.runLength();
      }
      left -= region.elements();
    }
    throw new IndexOutOfBoundsException(i);
  }
}
