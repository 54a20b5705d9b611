package dev.coppice.spi;

import dev.coppice.DType;
import java.nio.ByteBuffer;

/**
 * Elements of one tensor, densely packed, that a kernel works on in place.
 *
 * <p>They are {@code runs} runs of {@code runLength} elements; run i begins at element {@code first
 * + i * stride} of the tensor. Runs ascend and do not overlap, so the order in the slice is the
 * order in the tensor. A contiguous slice is one run.
 *
 * @param data direct, little-endian, exactly the slice's bytes from position 0 to its limit
 * @param dtype the element type
 * @param ranking where keys come from
 * @param first the row-major index in the tensor of the slice's first element
 * @param runs the number of runs
 * @param runLength the elements of a run
 * @param stride the distance of the runs' beginnings in the tensor, in elements
 */
public record Slice(
    ByteBuffer data,
    DType dtype,
    Ranking ranking,
    long first,
    int runs,
    int runLength,
    long stride) {
  /** Gives the number of elements. */
  public int elements() {
    return runs * runLength;
  }

  /** Gives the row-major index in the tensor of element {@code i} of this slice. */
  public long index(int i) {
    return first + (i / runLength) * stride + i % runLength;
  }
}
