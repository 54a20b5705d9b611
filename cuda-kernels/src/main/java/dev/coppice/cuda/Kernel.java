package dev.coppice.cuda;

import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.JCudaDriver;

/** A kernel that takes one struct. Its methods are called with the context current. */
final class Kernel {
  private final CUfunction function;
  private final int threads;

  /** Finds the kernel, and lets a block of it have {@code mostShared} bytes of shared memory. */
  Kernel(CudaModule module, String name, int threads, int mostShared) {
    this.function = module.function(name);
    this.threads = threads;
    CudaResult.run(
        "cuFuncSetAttribute",
        () ->
            JCudaDriver.cuFuncSetAttribute(
                function,
                CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                mostShared));
  }

  CUfunction function() {
    return function;
  }

  /** Gives the threads of a block. */
  int threads() {
    return threads;
  }

  /** Gives the blocks with so much shared memory that a multiprocessor holds at once. */
  int blocksEach(long shared) {
    int[] blocks = new int[1];
    CudaResult.run(
        "cuOccupancyMaxActiveBlocksPerMultiprocessor",
        () ->
            JCudaDriver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
                blocks, function, threads, shared));
    return Math.max(1, blocks[0]);
  }
}
