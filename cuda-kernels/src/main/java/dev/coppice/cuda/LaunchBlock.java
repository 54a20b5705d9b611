package dev.coppice.cuda;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * The direct memory that a kernel's struct is passed in: half a microsecond a launch, where an
 * array for each argument takes ten and holds up the garbage collector. For one thread at a time.
 */
final class LaunchBlock {
  private static final int MOST_BYTES = 256;

  private final ByteBuffer parameters =
      ByteBuffer.allocateDirect(MOST_BYTES).order(ByteOrder.nativeOrder());
  private final LongBuffer size =
      ByteBuffer.allocateDirect(Long.BYTES).order(ByteOrder.nativeOrder()).asLongBuffer();
  private final Pointer extra =
      Pointer.to(
          JCudaDriver.CU_LAUNCH_PARAM_BUFFER_POINTER,
          Pointer.to(parameters),
          JCudaDriver.CU_LAUNCH_PARAM_BUFFER_SIZE,
          Pointer.to(size),
          JCudaDriver.CU_LAUNCH_PARAM_END);

  /** Begins a struct: its fields are put one after the other, padding included. */
  ByteBuffer begin() {
    return parameters.clear();
  }

  /** Launches the kernel with the fields that were put; the driver has copied them on return. */
  void launch(Kernel kernel, long blocks, int shared, CUstream stream) {
    size.put(0, parameters.position());
    try {
      CudaResult.run(
          "cuLaunchKernel",
          () ->
              JCudaDriver.cuLaunchKernel(
                  kernel.function(),
                  (int) Math.min(blocks, Integer.MAX_VALUE),
                  1,
                  1,
                  kernel.threads(),
                  1,
                  1,
                  shared,
                  stream,
                  null,
                  extra));
    } finally {
      Reference.reachabilityFence(this);
    }
  }
}
