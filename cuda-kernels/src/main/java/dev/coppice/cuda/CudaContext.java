package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import java.nio.charset.StandardCharsets;
import java.util.function.Supplier;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/**
 * A device's primary context, which other frameworks in the process share; retained until closed.
 * Safe for use by several threads.
 */
final class CudaContext implements AutoCloseable {
  /** What nvcc 13 compiles needs this driver. */
  private static final int OLDEST_DRIVER = 13000;

  private final CUdevice device;
  private final CUcontext context = new CUcontext();
  private final Handle handle;

  private CudaContext(CUdevice device) {
    this.device = device;
    CudaResult.check(
        JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "cuDevicePrimaryCtxRetain");
    this.handle = new Handle(this, "primary context", () -> release(device));
  }

  private static void release(CUdevice device) {
    CudaResult.check(JCudaDriver.cuDevicePrimaryCtxRelease(device), "cuDevicePrimaryCtxRelease");
  }

  /**
   * Opens a device.
   *
   * @throws BackendUnavailableException if there is no driver, too old a one, or no such device
   */
  static CudaContext open(int ordinal) {
    JCudaLibrary.require();
    CudaResult.requireAlive();
    int initialised = JCudaDriver.cuInit(0);
    if (initialised == CUresult.CUDA_ERROR_NO_DEVICE) {
      throw new BackendUnavailableException("the CUDA driver sees no device");
    }
    CudaResult.check(initialised, "cuInit");
    int[] version = new int[1];
    CudaResult.check(JCudaDriver.cuDriverGetVersion(version), "cuDriverGetVersion");
    if (version[0] < OLDEST_DRIVER) {
      throw new BackendUnavailableException(
          "the CUDA driver is too old: it supports CUDA %s, %s is needed; install NVIDIA's driver 580 or newer"
              .formatted(dotted(version[0]), dotted(OLDEST_DRIVER)));
    }
    int[] count = new int[1];
    CudaResult.check(JCudaDriver.cuDeviceGetCount(count), "cuDeviceGetCount");
    if (ordinal >= count[0]) {
      throw new BackendUnavailableException(
          "there is no CUDA device %d, there are %d".formatted(ordinal, count[0]));
    }
    CUdevice device = new CUdevice();
    CudaResult.check(JCudaDriver.cuDeviceGet(device, ordinal), "cuDeviceGet");
    return new CudaContext(device);
  }

  private static String dotted(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /** Gives a device attribute, one of {@link CUdevice_attribute}. */
  int attribute(int which) {
    int[] value = new int[1];
    CudaResult.check(
        JCudaDriver.cuDeviceGetAttribute(value, which, device), "cuDeviceGetAttribute");
    return value[0];
  }

  /** Gives the device's name and compute capability. */
  String describe() {
    byte[] name = new byte[256];
    CudaResult.check(JCudaDriver.cuDeviceGetName(name, name.length, device), "cuDeviceGetName");
    return "%s, compute capability %d.%d"
        .formatted(
            new String(name, StandardCharsets.UTF_8).replaceFirst("\0.*", ""),
            attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
            attribute(CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
  }

  /** Runs {@code body} with this context current, and restores the caller's. */
  <T> T call(Supplier<T> body) {
    CudaResult.requireAlive();
    CudaResult.check(JCudaDriver.cuCtxPushCurrent(context), "cuCtxPushCurrent");
    T result;
    try {
      result = body.get();
    } catch (RuntimeException | Error e) {
      if (!CudaResult.isLost()) {
        JCudaDriver.cuCtxPopCurrent(new CUcontext()); // The body's failure says more than this one.
      }
      throw e;
    }
    CudaResult.check(JCudaDriver.cuCtxPopCurrent(new CUcontext()), "cuCtxPopCurrent");
    return result;
  }

  /** Runs {@code body} with this context current, and restores the caller's. */
  void run(Runnable body) {
    call(
        () -> {
          body.run();
          return true;
        });
  }

  @Override
  public void close() {
    handle.close();
  }
}
