package dev.coppice.cuda;

import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** A point in a stream that others wait for. Its methods are called with the context current. */
final class CudaEvent implements AutoCloseable {
  private final CUevent event = new CUevent();
  private final Handle handle;

  CudaEvent(CudaContext context) {
    this(context, CUevent_flags.CU_EVENT_DISABLE_TIMING);
  }

  private CudaEvent(CudaContext context, int flags) {
    CUevent created = event;
    CudaResult.run("cuEventCreate", () -> JCudaDriver.cuEventCreate(created, flags));
    this.handle = new Handle(this, "event", () -> context.run(() -> release(created)));
  }

  /** Makes one that also takes the time. */
  static CudaEvent timed(CudaContext context) {
    return new CudaEvent(context, CUevent_flags.CU_EVENT_DEFAULT);
  }

  /** Gives how much later this point was passed than {@code begin}; both are timed. */
  float millisecondsAfter(CudaEvent begin) {
    float[] milliseconds = new float[1];
    CudaResult.run(
        "cuEventElapsedTime",
        () -> JCudaDriver.cuEventElapsedTime(milliseconds, begin.event, event));
    return milliseconds[0];
  }

  private static void release(CUevent event) {
    CudaResult.run("cuEventDestroy", () -> JCudaDriver.cuEventDestroy(event));
  }

  /** Marks the point that the stream has come to. */
  void record(CUstream stream) {
    CudaResult.run("cuEventRecord", () -> JCudaDriver.cuEventRecord(event, stream));
  }

  /** Lets what is put into the stream from now on wait for the point that was marked last. */
  void holdUp(CUstream stream) {
    CudaResult.run("cuStreamWaitEvent", () -> JCudaDriver.cuStreamWaitEvent(stream, event, 0));
  }

  /** Waits for the point; at once if none was ever marked. */
  void await() {
    CudaResult.run("cuEventSynchronize", () -> JCudaDriver.cuEventSynchronize(event));
  }

  /** Says whether the point was passed. */
  boolean isPassed() {
    CudaResult.requireAlive();
    int code = JCudaDriver.cuEventQuery(event);
    if (code == CUresult.CUDA_ERROR_NOT_READY) {
      return false;
    }
    CudaResult.check(code, "cuEventQuery");
    return true;
  }

  @Override
  public void close() {
    handle.close();
  }
}
