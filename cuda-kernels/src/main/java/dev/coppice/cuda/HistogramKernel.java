package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.spi.Window;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUstream;

/** Launches {@code histogram.cu}. */
final class HistogramKernel {
  /** first_nan, below, nans: 64 bits each. */
  static final int SUMS_BYTES = 3 * Long.BYTES;

  /**
   * The most passes of the shared variant. By arithmetic, not measured: a pass reads 2 or 4 bytes a
   * weight at some 4 TB/s, the global variant makes an atomic a weight at some 2e11/s, so five
   * passes and more lose.
   */
  private static final int MOST_PASSES = 4;

  private static final int MOST_THREADS = 1024;

  private static final int WARP = 32;

  /** What a thread loads at once. */
  private static final int VECTOR_BYTES = 16;

  /** What a block shares besides its counters; COUNTERS_AT in histogram.cu. */
  private static final int BLOCK_SUMS_BYTES = 32;

  /** The size of HistogramParameters in histogram.cu. */
  private static final int PARAMETER_BYTES = 48;

  /**
   * How a window is counted.
   *
   * @param shared whether in shared memory, or by atomics in global memory
   * @param passes the number of launches, each over as many bins
   * @param bins the bins of a pass; the last may have fewer
   */
  record Plan(boolean shared, int passes, int bins) {}

  private final CudaKernel[][] kernels;
  private final int sharedBins;
  private final int multiprocessors;
  private final int sharedBytes;
  private final int reservedBytes;
  private final int residentThreads;

  /** Finds the kernels; called with the context current. */
  HistogramKernel(CudaContext context, CudaModule module) {
    int most =
        context.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    this.sharedBins = (most - BLOCK_SUMS_BYTES) / Integer.BYTES;
    this.kernels =
        new CudaKernel[][] {
          {
            new CudaKernel(module, "coppice_histogram_global_16", BLOCK_SUMS_BYTES),
            new CudaKernel(module, "coppice_histogram_global_32", BLOCK_SUMS_BYTES)
          },
          {
            new CudaKernel(module, "coppice_histogram_shared_16", most),
            new CudaKernel(module, "coppice_histogram_shared_32", most)
          }
        };
    this.multiprocessors =
        context.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    this.sharedBytes =
        context.attribute(
            CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
    this.reservedBytes =
        context.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK);
    this.residentThreads =
        context.attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
  }

  /**
   * Says how a window is counted on this device. Fewer weights than bins are not worth the clearing
   * and adding of a block's own.
   */
  Plan plan(Window window, long elements) {
    int passes = (window.bins() + sharedBins - 1) / sharedBins;
    return passes <= MOST_PASSES && elements >= window.bins()
        ? new Plan(true, passes, Math.min(sharedBins, window.bins()))
        : new Plan(false, 1, window.bins());
  }

  /**
   * Adds the keys of weights on the device to counts and sums on the device; called with the
   * context current.
   *
   * @param weights the address of the first, a multiple of its size
   * @param elements 1 or more
   * @param counts the address of a 64-bit counter for each bin
   * @param sums the address of the sums, {@code first_nan} set to all ones before
   */
  void launch(
      DType dtype,
      long weights,
      long elements,
      Window window,
      long counts,
      long sums,
      CUstream stream) {
    Plan plan = plan(window, elements);
    long vectors = (elements * dtype.bytes() + VECTOR_BYTES - 1) / VECTOR_BYTES;
    int threads = (int) Math.min((vectors + WARP - 1) / WARP * WARP, MOST_THREADS);
    CudaKernel kernel = kernels[plan.shared() ? 1 : 0][dtype == DType.F32 ? 1 : 0];
    for (int first = 0; first < window.bins(); first += plan.bins()) {
      long base = window.base() + ((long) first << window.shift());
      if (base >= 1L << 32) {
        return; // No key lies there.
      }
      int bins = Math.min(window.bins() - first, plan.bins());
      int shared = BLOCK_SUMS_BYTES + (plan.shared() ? bins * Integer.BYTES : 0);
      ByteBuffer parameters =
          ByteBuffer.allocateDirect(PARAMETER_BYTES)
              .order(ByteOrder.nativeOrder())
              .putLong(weights)
              .putLong(elements)
              .putLong(counts + (long) first * Long.BYTES)
              .putLong(first == 0 ? sums : 0)
              .putInt(dtype.largestKey())
              .putInt((int) base)
              .putInt(window.shift())
              .putInt(bins);
      int blocks = (int) Math.min((vectors + threads - 1) / threads, resident(shared));
      kernel.launch(blocks, threads, shared, parameters, stream);
    }
  }

  /** Gives the number of blocks that the device holds at once. */
  private long resident(int shared) {
    int each = Math.min(residentThreads / MOST_THREADS, sharedBytes / (shared + reservedBytes));
    return (long) multiprocessors * Math.max(1, each);
  }
}
