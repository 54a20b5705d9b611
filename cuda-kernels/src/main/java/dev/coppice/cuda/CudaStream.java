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
    CudaResult.run(
        "cuStreamCreate",
        () -> JCudaDriver.cuStreamCreate(created, CUstream_flags.CU_STREAM_NON_BLOCKING));
    this.handle = new Handle(this, "stream", () -> context.run(() -> release(created)));
  }

  private static void release(CUstream stream) {
    CudaResult.run("cuStreamDestroy", () -> JCudaDriver.cuStreamDestroy(stream));
  }

  CUstream stream() {
    if (handle.isClosed()) {
      throw new IllegalStateException("a stream is used after it was closed");
    }
    return stream;
  }

  /** Waits for all that was put into it. */
  void await() {
    CudaResult.run("cuStreamSynchronize", () -> JCudaDriver.cuStreamSynchronize(stream()));
  }

  @Override
  public void close() {
    handle.close();
  }
}
