package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.ProgressListener;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** The rows of weights [out, in], as the bits of their elements. */
final class Rows {
  /** Does something to the rows from {@code from} to before {@code to}. */
  interface Body {
    void run(long from, long to);
  }

  /** Takes the bits of a row's elements. */
  interface Visitor {
    void visit(long row, int[] bits);
  }

  private final Tensor weights;
  private final int columns;

  private Rows(Tensor weights) {
    this.weights = weights;
    this.columns = (int) weights.shape().dimension(1);
  }

  /**
   * Looks at weights.
   *
   * @throws IllegalArgumentException if they are not [out, in], or lie on a device
   */
  static Rows of(Tensor weights) {
    Shape shape = weights.shape();
    if (shape.rank() != 2
        || shape.elements() == 0
        || shape.dimension(1) > Integer.MAX_VALUE / weights.dtype().bytes()) {
      throw new IllegalArgumentException(
          "the weights of a linear layer are [out, in], not " + shape);
    }
    if (weights.onDevice().isPresent()) {
      throw new IllegalArgumentException(
          "weights on a device are not compressed there: copy them to the host first");
    }
    return new Rows(weights);
  }

  DType dtype() {
    return weights.dtype();
  }

  long out() {
    return weights.shape().dimension(0);
  }

  int in() {
    return columns;
  }

  /** Visits all rows, those of like parts in order; several threads at once. */
  void visit(Visitor visitor) {
    int rowBytes = columns * dtype().bytes();
    forEach(
        out(),
        rowBytes,
        (from, to) -> {
          ByteBuffer buffer = ByteBuffer.allocate(rowBytes).order(ByteOrder.LITTLE_ENDIAN);
          int[] bits = new int[columns];
          for (long row = from; row < to; row++) {
            weights.read(row * columns, buffer.clear());
            get(buffer, 0, dtype(), bits, columns);
            visitor.visit(row, bits);
          }
        });
  }

  /** Writes the bits of the first {@code count} elements of an array. */
  static void put(ByteBuffer data, int element, DType dtype, int[] bits, int count) {
    ByteBuffer part = part(data, element, dtype, count);
    if (dtype.bytes() == Integer.BYTES) {
      part.asIntBuffer().put(0, bits, 0, count);
    } else {
      short[] halves = new short[count];
      for (int i = 0; i < count; i++) {
        halves[i] = (short) bits[i];
      }
      part.asShortBuffer().put(0, halves);
    }
  }

  /** Reads the bits of {@code count} elements into an array. */
  static void get(ByteBuffer data, int element, DType dtype, int[] bits, int count) {
    ByteBuffer part = part(data, element, dtype, count);
    if (dtype.bytes() == Integer.BYTES) {
      part.asIntBuffer().get(0, bits, 0, count);
    } else {
      short[] halves = new short[count];
      part.asShortBuffer().get(0, halves);
      for (int i = 0; i < count; i++) {
        bits[i] = halves[i] & 0xFFFF;
      }
    }
  }

  private static ByteBuffer part(ByteBuffer data, int element, DType dtype, int count) {
    return data.slice(element * dtype.bytes(), count * dtype.bytes())
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Writes the bits of one element. */
  static void put(ByteBuffer data, int element, DType dtype, int bits) {
    if (dtype.bytes() == Integer.BYTES) {
      data.putInt(4 * element, bits);
    } else {
      data.putShort(2 * element, (short) bits);
    }
  }

  /** Gives the bits of one element. */
  static int get(ByteBuffer data, int element, DType dtype) {
    return dtype.bytes() == Integer.BYTES
        ? data.getInt(4 * element)
        : data.getShort(2 * element) & 0xFFFF;
  }

  /** Runs the body for all rows, in stretches of about a slice, on the shared pool. */
  static void forEach(long rows, long rowBytes, Body body) {
    long stretch = Math.max(1, Execution.SLICE_BYTES / Math.max(1, rowBytes));
    Execution execution =
        new Execution(
            WorkPool.shared(),
            WorkPool.shared().threads(),
            Execution.SLICE_BYTES,
            () -> false,
            ProgressListener.NONE);
    try {
      execution.forEach(
          (rows + stretch - 1) / stretch,
          (index, worker) -> body.run(index * stretch, Math.min(rows, (index + 1) * stretch)));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Nothing here reads a file.
    }
  }
}
