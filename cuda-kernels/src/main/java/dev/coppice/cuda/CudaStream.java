package dev.coppice.cuda;

import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** A stream of our own. Its methods are called with the context current. */
final class CudaStream implements AutoCloseable {
  private final CUstream stream = new CUstream();
  private final Handle handle;

  CudaStream(CudaContext context) {
    CUstream created = stream;
    CudaResult.check(
        JCudaDriver.cuStreamCreate(created, CUstream_flags.CU_STREAM_NON_BLOCKING),
        "cuStreamCreate");
    this.handle = new Handle(this, "stream", () -> context.run(() -> release(created)));
  }

  private static void release(CUstream stream) {
    CudaResult.check(JCudaDriver.cuStreamDestroy(stream), "cuStreamDestroy");
  }

  CUstream stream() {
    if (handle.isClosed()) {
      throw new IllegalStateException("a stream is used after it was closed");
    }
    return stream;
  }

  /** Waits for all that was put into it. */
  void await() {
    CudaResult.check(JCudaDriver.cuStreamSynchronize(stream()), "cuStreamSynchronize");
  }

  @Override
  public void close() {
    handle.close();
  }
}
