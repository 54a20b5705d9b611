package dev.coppice.cuda;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUfunction_attribute;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** A kernel that takes one struct. Its methods are called with the context current. */
final class CudaKernel {
  private final CUfunction function;

  /** Finds the kernel, and lets a block of it have {@code shared} bytes of shared memory. */
  CudaKernel(CudaModule module, String name, int shared) {
    this.function = module.function(name);
    CudaResult.check(
        JCudaDriver.cuFuncSetAttribute(
            function, CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, shared),
        "cuFuncSetAttribute");
  }

  /**
   * Launches it. The struct is passed as one block of direct memory: half a microsecond a launch,
   * where an array for each argument takes ten and holds up the garbage collector.
   *
   * @param parameters the bytes of the struct, direct memory; copied before this returns
   */
  void launch(int blocks, int threads, int shared, ByteBuffer parameters, CUstream stream) {
    LongBuffer size =
        ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.nativeOrder()).asLongBuffer();
    size.put(0, parameters.capacity());
    Pointer extra =
        Pointer.to(
            JCudaDriver.CU_LAUNCH_PARAM_BUFFER_POINTER,
            Pointer.to(parameters),
            JCudaDriver.CU_LAUNCH_PARAM_BUFFER_SIZE,
            Pointer.to(size),
            JCudaDriver.CU_LAUNCH_PARAM_END);
    try {
      CudaResult.check(
          JCudaDriver.cuLaunchKernel(
              function, blocks, 1, 1, threads, 1, 1, shared, stream, null, extra),
          "cuLaunchKernel");
    } finally {
      Reference.reachabilityFence(extra);
    }
  }
}
