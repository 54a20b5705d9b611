package dev.coppice.cuda;

import dev.coppice.sparse.TwoFour;
import java.nio.ByteBuffer;
import jcuda.Pointer;

/**
 * W as cuSPARSELt has compressed it, filled up with zeros to what the library takes: rows to a
 * multiple of 16, columns to one of 32.
 */
final class CusparseLtWeights {
  private static final int ROWS = 16;
  private static final int COLUMNS = 32;
  private static final int CHUNK_BYTES = 16 << 20;

  private final long address;
  private final DeviceMemory compressed;
  private final long out;
  private final int in;

  /** Compresses on the device, and waits for that. */
  CusparseLtWeights(LibraryHoldings<CusparseLtHandle> held, TwoFour weights, CudaStream stream) {
    this.out = rounded(weights.out(), ROWS);
    this.in = Math.toIntExact(rounded(weights.in(), COLUMNS));
    long[] made = new long[3];
    int type = CublasLinear.dataType(weights.dtype());
    CusparseLt.run(() -> CusparseLt.describe(held.library().address(), type, out, in, made));
    this.address = made[0];
    held.keep(() -> CusparseLt.run(() -> CusparseLt.release(address)));
    this.compressed = held.borrow(made[1]);
    try (Kept dense = new Kept()) {
      DeviceMemory memory = held.borrow(Math.multiplyExact(out, 2L * in), dense);
      DeviceMemory buffer = held.borrow(made[2], dense);
      dense.add(stream::await);
      memory.clear(0, memory.bytes(), stream.stream());
      upload(weights, memory, stream);
      CusparseLt.run(
          () ->
              CusparseLt.compress(
                  address,
                  memory.address(),
                  compressed.address(),
                  buffer.address(),
                  RawStream.handle(stream.stream())));
    }
  }

  /** Gives the next multiple. */
  static long rounded(long count, int unit) {
    return (count + unit - 1) / unit * unit;
  }

  private void upload(TwoFour weights, DeviceMemory memory, CudaStream stream) {
    int rowBytes = 2 * in;
    int each = (int) Math.min(weights.out(), Math.max(1, CHUNK_BYTES / rowBytes));
    ByteBuffer rows = ByteBuffer.allocateDirect(Math.multiplyExact(each, rowBytes));
    for (long first = 0; first < weights.out(); first += each) {
      int count = (int) Math.min(each, weights.out() - first);
      for (int row = 0; row < count; row++) {
        weights.row(first + row, rows.position(row * rowBytes));
      }
      memory.upload(
          Pointer.to(rows.clear()), first * rowBytes, (long) count * rowBytes, stream.stream());
      stream.await();
    }
  }

  long address() {
    return address;
  }

  long compressed() {
    return compressed.address();
  }

  /** Gives the rows, those of zeros included. */
  long out() {
    return out;
  }

  /** Gives the columns, those of zeros included. */
  int in() {
    return in;
  }
}
