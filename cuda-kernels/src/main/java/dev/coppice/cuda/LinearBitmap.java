package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Bitmap;
import dev.coppice.sparse.Part;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUstream;

/** Products of weights of which the zeros are not stored: bitmap_linear.cu. */
final class LinearBitmap extends LinearProduct {
  /** Rows of x that a block takes where there is more than one. */
  private static final int ROWS = 4;

  private final Kernel one;
  private final Kernel several;
  private final int shared;
  private final int words;
  private final long bytes;
  private final long bits;
  private final long starts;
  private final long values;

  LinearBitmap(LinearMemory memory, Bitmap weights, Optional<Tensor> bias, long mostBatch) {
    super(memory, weights, bias, mostBatch);
    this.shared = weights.dtype() == DType.F32 ? Headers.BITMAP_LONG_SHARED : Headers.BITMAP_SHARED;
    this.one = memory.kernel("bitmap_linear_" + type() + "_1", Headers.LINEAR_THREADS, shared);
    this.several =
        memory.kernel("bitmap_linear_" + type() + "_" + ROWS, Headers.LINEAR_THREADS, shared);
    List<Part> parts = weights.parts();
    this.words = weights.stride() / Integer.BYTES;
    ByteBuffer begins = starts(parts.get(0).data(), parts.get(1).data(), weights.out(), words);
    this.bytes = weights.bytes() - parts.get(1).data().capacity() + begins.capacity();
    this.bits = memory.copy(parts.get(0).data());
    this.starts = memory.copy(begins);
    this.values = memory.copy(parts.get(2).data());
  }

  /** Counts where the values of each row's units begin, and where the last ends. */
  static ByteBuffer starts(ByteBuffer bits, ByteBuffer offsets, long out, int words) {
    int unit = Headers.LINEAR_UNIT / Integer.SIZE;
    int units = (words + unit - 1) / unit;
    long bytes = Math.multiplyExact(out, (units + 1L) * Integer.BYTES);
    ByteBuffer starts =
        ByteBuffer.allocateDirect(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    for (int row = 0; row < out; row++) {
      int at = (int) offsets.getLong(row * Long.BYTES);
      for (int word = 0; word < words; word++) {
        if (word % unit == 0) {
          starts.putInt(at);
        }
        at += Integer.bitCount(bits.getInt((row * words + word) * Integer.BYTES));
      }
      starts.putInt(at);
    }
    return starts.flip();
  }

  @Override
  void multiply(Operands operands, CUstream stream) {
    int rows = operands.batch() == 1 ? 1 : ROWS;
    operands.put(memory().parameters(), values, bits, starts, words);
    long tall = (out() + Headers.BITMAP_ROWS - 1) / Headers.BITMAP_ROWS;
    long blocks = Math.multiplyExact(tall, (operands.batch() + rows - 1) / rows);
    memory().launch(rows == 1 ? one : several, blocks, shared, stream);
  }

  @Override
  public long bytes() {
    return bytes;
  }
}
