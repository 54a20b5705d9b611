package dev.coppice.cuda;

import java.util.Optional;
import jcuda.driver.CUDA_MEMCPY2D;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUmemorytype;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** Rows of a matrix in memory where each is filled up with zeros, and more rows of zeros follow. */
final class StagedRows {
  private final LibraryHoldings<?> held;
  private final long rowBytes;
  private final long stagedBytes;
  private final Kept kept = new Kept();
  private Optional<DeviceMemory> memory = Optional.empty();

  /**
   * @param rowBytes of a row
   * @param stagedBytes of a row that is filled up
   */
  StagedRows(LibraryHoldings<?> held, long rowBytes, long stagedBytes) {
    this.held = held;
    this.rowBytes = rowBytes;
    this.stagedBytes = stagedBytes;
    held.keep(kept::close);
  }

  /** Says whether rows need not be filled up. */
  boolean isWhole() {
    return rowBytes == stagedBytes;
  }

  /** Gives memory for so many rows. */
  long memory(long rows) {
    long needed = Math.multiplyExact(rows, stagedBytes);
    if (memory.isEmpty() || memory.get().bytes() < needed) {
      memory = Optional.empty();
      held.context().synchronize(); // What is in a stream still works with the smaller one.
      kept.close();
      memory = Optional.of(held.borrow(needed, kept));
    }
    return memory.get().address();
  }

  /** Copies {@code count} rows from there, and sets the rest to zero. */
  long filled(long from, long count, long rows, CUstream stream) {
    long into = memory(rows);
    memory.orElseThrow().clear(0, rows * stagedBytes, stream);
    copy(from, rowBytes, into, stagedBytes, count, stream);
    return into;
  }

  /** Copies the first {@code count} rows there. */
  void copyTo(long to, long count, CUstream stream) {
    copy(memory.orElseThrow().address(), stagedBytes, to, rowBytes, count, stream);
  }

  private void copy(long from, long fromPitch, long to, long toPitch, long count, CUstream stream) {
    CUDA_MEMCPY2D copy = new CUDA_MEMCPY2D();
    copy.srcMemoryType = CUmemorytype.CU_MEMORYTYPE_DEVICE;
    copy.srcDevice = new CUdeviceptr().withByteOffset(from);
    copy.srcPitch = fromPitch;
    copy.dstMemoryType = CUmemorytype.CU_MEMORYTYPE_DEVICE;
    copy.dstDevice = new CUdeviceptr().withByteOffset(to);
    copy.dstPitch = toPitch;
    copy.WidthInBytes = rowBytes;
    copy.Height = count;
    CudaResult.run("cuMemcpy2DAsync", () -> JCudaDriver.cuMemcpy2DAsync(copy, stream));
  }
}
