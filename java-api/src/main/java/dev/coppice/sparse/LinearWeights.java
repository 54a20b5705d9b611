package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;

/**
 * The weights W [out, in] of a linear layer y = x W^T + b, in one format. Immutable, and safe for
 * use by several threads.
 *
 * <p>A weight is zero, and not stored, if all its bits are: +0.0. So what is decompressed has the
 * bits of what was compressed, -0.0 and NaN included.
 */
public sealed interface LinearWeights permits Dense, TwoFour, Bitmap, Csr {
  /** Gives the format. */
  Format format();

  /** Gives the type of the weights. */
  DType dtype();

  /** Gives the number of outputs, W's rows. */
  long out();

  /** Gives the number of inputs, W's columns. */
  int in();

  /** Gives what it consists of, in the order in which it is stored. */
  List<Part> parts();

  /** Writes one row of W, {@link #in} elements, from {@code into}'s position on. */
  void row(long row, ByteBuffer into);

  /** Gives the bytes that all its parts take. */
  default long bytes() {
    return parts().stream().mapToLong(part -> part.data().capacity()).sum();
  }

  /** Gives all of W in new direct memory. */
  default Tensor decompress() {
    int rowBytes = in() * dtype().bytes();
    ByteBuffer all = Part.allocate("weights", out() * rowBytes);
    Rows.forEach(
        out(),
        rowBytes,
        (from, to) -> {
          for (long row = from; row < to; row++) {
            int begin = (int) row * rowBytes;
            row(row, all.slice(begin, rowBytes).order(ByteOrder.LITTLE_ENDIAN));
          }
        });
    return Tensor.of(dtype(), all, out(), in());
  }

  /**
   * Compresses weights, with all threads of the shared pool; {@link Format#DENSE} copies nothing.
   *
   * @param weights [out, in], not on a device
   * @throws IllegalArgumentException if the format cannot hold them, with the first row and column
   */
  static LinearWeights compress(Format format, Tensor weights) {
    return switch (format) {
      case DENSE -> new Dense(weights);
      case TWO_FOUR -> TwoFour.compress(weights);
      case BITMAP -> Bitmap.compress(weights);
      case CSR -> Csr.compress(weights);
    };
  }

  /**
   * Counts the bytes that weights would take in each format that can hold them, with all threads of
   * the shared pool.
   *
   * @param weights [out, in], not on a device
   */
  static Map<Format, Long> sizes(Tensor weights) {
    return Sizes.of(weights);
  }

  /**
   * Makes weights of parts that were stored; looks at every index before it is ever followed.
   *
   * @param parts by name, with the bytes of {@link Part#data}
   * @throws IllegalArgumentException if the parts are not what {@link #parts} gives
   */
  static LinearWeights of(
      Format format, DType dtype, long out, long in, Map<String, ByteBuffer> parts) {
    StoredParts stored = new StoredParts(dtype, out, in, parts);
    return switch (format) {
      case DENSE -> Dense.of(stored);
      case TWO_FOUR -> TwoFour.of(stored);
      case BITMAP -> Bitmap.of(stored);
      case CSR -> Csr.of(stored);
    };
  }
}
