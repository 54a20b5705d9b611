package dev.coppice.benchmarks;

import dev.coppice.cuda.CudaProvider;
import dev.coppice.spi.Availability;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUevent;
import jcuda.driver.CUevent_flags;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;

/** The first device, with a stream and events to time what is put into it. */
final class GpuDevice implements AutoCloseable {
  private final CUdevice device = new CUdevice();
  private final CUstream stream = new CUstream();
  private final CUevent begin = new CUevent();
  private final CUevent end = new CUevent();
  private final GpuBuffer flushed;

  /** Opens it, and makes its context current in this thread; throws the reason if there is none. */
  GpuDevice() {
    // Asking loads JCuda's library, and the emulated driver where that is wanted.
    if (new CudaProvider().availability() instanceof Availability.Unusable unusable) {
      throw new IllegalStateException(unusable.reason());
    }
    check("cuInit", JCudaDriver.cuInit(0));
    check("cuDeviceGet", JCudaDriver.cuDeviceGet(device, 0));
    CUcontext context = new CUcontext();
    check("cuDevicePrimaryCtxRetain", JCudaDriver.cuDevicePrimaryCtxRetain(context, device));
    check("cuCtxSetCurrent", JCudaDriver.cuCtxSetCurrent(context));
    check(
        "cuStreamCreate",
        JCudaDriver.cuStreamCreate(stream, CUstream_flags.CU_STREAM_NON_BLOCKING));
    check("cuEventCreate", JCudaDriver.cuEventCreate(begin, CUevent_flags.CU_EVENT_DEFAULT));
    check("cuEventCreate", JCudaDriver.cuEventCreate(end, CUevent_flags.CU_EVENT_DEFAULT));
    this.flushed = new GpuBuffer(4L * Math.max(l2Bytes(), 1 << 16));
  }

  static void check(String call, int code) {
    if (code != CUresult.CUDA_SUCCESS) {
      throw new IllegalStateException(call + " answered " + CUresult.stringFor(code));
    }
  }

  CUstream stream() {
    return stream;
  }

  int l2Bytes() {
    return attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
  }

  private int attribute(int which) {
    int[] value = new int[1];
    check("cuDeviceGetAttribute", JCudaDriver.cuDeviceGetAttribute(value, which, device));
    return value[0];
  }

  long freeBytes() {
    long[] free = new long[1];
    check("cuMemGetInfo", JCudaDriver.cuMemGetInfo(free, new long[1]));
    return free[0];
  }

  /**
   * Puts writes of four times the second-level cache into the stream: what lay there is gone, and
   * the device is busy while the host prepares what comes next.
   *
   * @param times how often; more keep the device busy for longer
   */
  void flush(int times) {
    for (int i = 0; i < times; i++) {
      flushed.write(stream);
    }
  }

  /** Marks the beginning of what is timed. */
  void begin() {
    check("cuEventRecord", JCudaDriver.cuEventRecord(begin, stream));
  }

  /** Marks its end. */
  void end() {
    check("cuEventRecord", JCudaDriver.cuEventRecord(end, stream));
  }

  /** Waits for the end, and gives the seconds that the device took from the beginning. */
  double seconds() {
    float[] millis = new float[1];
    check("cuEventSynchronize", JCudaDriver.cuEventSynchronize(end));
    check("cuEventElapsedTime", JCudaDriver.cuEventElapsedTime(millis, begin, end));
    return millis[0] * 1e-3;
  }

  void await() {
    check("cuStreamSynchronize", JCudaDriver.cuStreamSynchronize(stream));
  }

  /** Says what it is. */
  Map<String, Object> describe() {
    byte[] name = new byte[256];
    check("cuDeviceGetName", JCudaDriver.cuDeviceGetName(name, name.length, device));
    int[] driver = new int[1];
    check("cuDriverGetVersion", JCudaDriver.cuDriverGetVersion(driver));
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("device", new String(name, StandardCharsets.UTF_8).replaceFirst("\0.*", ""));
    facts.put(
        "compute_capability",
        attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
            + "."
            + attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
    facts.put(
        "multiprocessors", attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT));
    facts.put("l2_bytes", l2Bytes());
    facts.put("free_bytes", freeBytes());
    facts.put("driver_supports_cuda", driver[0] / 1000 + "." + driver[0] % 1000 / 10);
    return facts;
  }

  @Override
  public void close() {
    flushed.close();
    check("cuEventDestroy", JCudaDriver.cuEventDestroy(begin));
    check("cuEventDestroy", JCudaDriver.cuEventDestroy(end));
    check("cuStreamDestroy", JCudaDriver.cuStreamDestroy(stream));
    check("cuDevicePrimaryCtxRelease", JCudaDriver.cuDevicePrimaryCtxRelease(device));
  }
}
