package dev.coppice.cuda;

import dev.coppice.spi.GramSums;
import java.nio.DoubleBuffer;
import jcuda.cudaDataType;

/**
 * Sums on a device, S [columns, width] += R^T R, by cuBLAS's F64 product of the columns of a block
 * of rows with all of it: half of what it computes among the columns is not read, but outputs times
 * outputs, which nobody needs and {@code cublasDsyrk} would compute, are left out. Rows gather in
 * pinned memory; while the device adds up a block the caller makes the next rows.
 */
final class CublasGramSums implements GramSums {
  /** As many rows are multiplied at once, if they do not take more than that. */
  private static final int BLOCK_ROWS = 1024;

  private static final int BLOCK_BYTES = 16 << 20;

  /** The bytes of a row are counted in an int. */
  private static final int WIDEST = Integer.MAX_VALUE / Double.BYTES;

  private final LibraryHoldings<CublasHandle> held;
  private final int columns;
  private final int width;
  private final int blockRows;
  private final CudaStream stream;
  private final DeviceMemory sums;
  private final DeviceMemory block;
  private final PinnedMemory staged;
  private final DoubleBuffer rows;
  private final Handle handle;
  private int filled;

  private CublasGramSums(
      LibraryHoldings<CublasHandle> held, CudaStream stream, int columns, int width) {
    this.held = held;
    this.stream = stream;
    this.columns = columns;
    this.width = width;
    blockRows = (int) Math.max(1, Math.min(BLOCK_ROWS, BLOCK_BYTES / bytes(1)));
    held.begin();
    sums = held.borrow(bytes(columns));
    block = held.borrow(bytes(blockRows));
    int staging = (int) bytes(blockRows);
    staged = new PinnedMemory(held.context(), staging);
    held.keep(staged::close);
    rows = staged.slice(0, staging).asDoubleBuffer();
    sums.clear(0, bytes(columns), stream.stream());
    handle = new Handle(this, "sums of %d x %d".formatted(columns, width), held::close);
  }

  /** Begins with zeros; what is held is given back where that fails. */
  static CublasGramSums begin(
      LibraryHoldings<CublasHandle> held, CudaStream stream, int columns, int width) {
    try {
      if (columns > width || width > WIDEST) {
        throw new IllegalArgumentException(
            "%d columns of %d numbers: at most all of %d".formatted(columns, width, WIDEST));
      }
      return held.context().call(() -> new CublasGramSums(held, stream, columns, width));
    } catch (RuntimeException e) {
      try (held) {
        throw e;
      }
    }
  }

  private long bytes(int rows) {
    return (long) rows * width * Double.BYTES;
  }

  @Override
  public void add(double[][] added, int count) {
    requireOpen();
    held.context()
        .run(
            () -> {
              for (int i = 0; i < count; i++) {
                if (filled == blockRows) {
                  multiply();
                }
                if (filled == 0) {
                  stream.await(); // The rows of the block before lie on the device by then.
                }
                rows.put(filled * width, added[i]);
                filled++;
              }
            });
  }

  private void multiply() {
    if (filled == 0) {
      return;
    }
    block.upload(staged.at(0), 0, bytes(filled), stream.stream());
    CublasHandle.Gemm gemm =
        new CublasHandle.Gemm(
            width,
            columns,
            filled,
            new CublasHandle.Matrix(block.address(), false, width),
            new CublasHandle.Matrix(block.address(), true, width),
            new CublasHandle.Matrix(sums.address(), false, width),
            1,
            cudaDataType.CUDA_R_64F,
            CublasHandle.CUBLAS_COMPUTE_64F);
    synchronized (held.lock()) {
      held.library().multiply(gemm, stream.stream());
    }
    filled = 0;
  }

  @Override
  public double[][] read() {
    requireOpen();
    double[][] all = new double[columns][];
    held.context()
        .run(
            () -> {
              multiply();
              for (int first = 0; first < columns; first += blockRows) {
                read(first, Math.min(blockRows, columns - first), all);
              }
            });
    return all;
  }

  private void read(int first, int count, double[][] all) {
    stream.await();
    sums.download(staged.at(0), bytes(first), bytes(count), stream.stream());
    stream.await();
    for (int i = 0; i < count; i++) {
      double[] row = new double[width - first - i];
      rows.get(i * width + first + i, row);
      all[first + i] = row;
    }
  }

  private void requireOpen() {
    if (handle.isClosed()) {
      throw new IllegalStateException("sums are used after they were closed");
    }
  }

  @Override
  public void close() {
    handle.close();
  }
}
