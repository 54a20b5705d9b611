package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import java.nio.charset.StandardCharsets;
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

  /** Longer than any. */
  private static final int PCI_BUS_ID_BYTES = 64;

  private final CUdevice device;
  private final int ordinal;
  private final CUcontext context = new CUcontext();
  private final Handle handle;

  private CudaContext(CUdevice device, int ordinal) {
    this.device = device;
    this.ordinal = ordinal;
    CudaResult.run(
        "cuDevicePrimaryCtxRetain", () -> JCudaDriver.cuDevicePrimaryCtxRetain(context, device));
    this.handle = new Handle(this, "primary context", () -> release(device));
  }

  private static void release(CUdevice device) {
    CudaResult.run(
        "cuDevicePrimaryCtxRelease", () -> JCudaDriver.cuDevicePrimaryCtxRelease(device));
  }

  /**
   * Opens a device.
   *
   * @throws BackendUnavailableException if there is no driver, too old a one, or no such device
   */
  static CudaContext open(int ordinal) {
    return new CudaContext(device(ordinal), ordinal);
  }

  private static CUdevice device(int ordinal) {
    int count = devices();
    if (ordinal >= count) {
      throw new BackendUnavailableException(
          count == 1
              ? "there is no CUDA device %d: the only one is device 0".formatted(ordinal)
              : "there is no CUDA device %d, only 0 to %d".formatted(ordinal, count - 1));
    }
    CUdevice device = new CUdevice();
    CudaResult.run("cuDeviceGet", () -> JCudaDriver.cuDeviceGet(device, ordinal));
    return device;
  }

  /**
   * Gives the number of devices, at least 1.
   *
   * @throws BackendUnavailableException if there is no driver, too old a one, or no device
   */
  static int devices() {
    JCudaLibrary.require();
    CudaResult.requireAlive();
    int initialised = JCudaDriver.cuInit(0);
    if (initialised == CUresult.CUDA_ERROR_NO_DEVICE) {
      throw noDevice();
    }
    CudaResult.check(initialised, "cuInit");
    if (version() < OLDEST_DRIVER) {
      throw new BackendUnavailableException(
          "the CUDA driver is too old: it supports CUDA %s, %s is needed; install NVIDIA's driver 580 or newer"
              .formatted(supportedVersion(), dotted(OLDEST_DRIVER)));
    }
    int[] count = new int[1];
    CudaResult.run("cuDeviceGetCount", () -> JCudaDriver.cuDeviceGetCount(count));
    if (count[0] == 0) {
      throw noDevice();
    }
    return count[0];
  }

  private static BackendUnavailableException noDevice() {
    return new BackendUnavailableException(
        "the CUDA driver sees no device: nvidia-smi shows those of the machine,"
            + " CUDA_VISIBLE_DEVICES hides some, a container has to be given them");
  }

  private static int version() {
    int[] version = new int[1];
    CudaResult.run("cuDriverGetVersion", () -> JCudaDriver.cuDriverGetVersion(version));
    return version[0];
  }

  /** Gives the newest CUDA that the driver supports, such as 13.0. */
  static String supportedVersion() {
    return dotted(version());
  }

  private static String dotted(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /** Gives a device attribute, one of {@link CUdevice_attribute}. */
  int attribute(int which) {
    return attribute(device, which);
  }

  private static int attribute(CUdevice device, int which) {
    int[] value = new int[1];
    CudaResult.run(
        "cuDeviceGetAttribute", () -> JCudaDriver.cuDeviceGetAttribute(value, which, device));
    return value[0];
  }

  /** Gives the device's name and compute capability. */
  String describe() {
    return describe(device);
  }

  /**
   * Gives a device's name and compute capability without making a context there, which takes some
   * hundred milliseconds and as many megabytes.
   *
   * @throws BackendUnavailableException as {@link #open} does
   */
  static String describe(int ordinal) {
    return describe(device(ordinal));
  }

  private static String describe(CUdevice device) {
    byte[] name = new byte[256];
    CudaResult.run("cuDeviceGetName", () -> JCudaDriver.cuDeviceGetName(name, name.length, device));
    return "%s, compute capability %d.%d"
        .formatted(
            new String(name, StandardCharsets.UTF_8).replaceFirst("\0.*", ""),
            attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
            attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR));
  }

  /** Gives where the device is on the PCI bus, as other libraries of NVIDIA's know it. */
  String pciBusId() {
    String[] id = new String[1];
    CudaResult.run(
        "cuDeviceGetPCIBusId", () -> JCudaDriver.cuDeviceGetPCIBusId(id, PCI_BUS_ID_BYTES, device));
    return id[0];
  }

  /** Gives a device's compute capability, times ten, without making a context there. */
  static int capability(int ordinal) {
    CUdevice device = device(ordinal);
    return 10 * attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
        + attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  }

  /** Waits until the device has done all that this process put into any of its streams. */
  void synchronize() {
    run(() -> CudaResult.run("cuCtxSynchronize", JCudaDriver::cuCtxSynchronize));
  }

  /** What runs with the context current. */
  @FunctionalInterface
  interface Body<T, E extends Exception> {
    T run() throws E;
  }

  /** Runs {@code body} with this context current, and restores the caller's. */
  <T, E extends Exception> T call(Body<T, E> body) throws E {
    CudaResult.run("cuCtxPushCurrent", () -> JCudaDriver.cuCtxPushCurrent(context));
    T result;
    boolean done = false;
    try {
      result = body.run();
      done = true;
    } finally {
      if (!done) {
        CudaResult.runQuietly(
            "cuCtxPopCurrent", () -> JCudaDriver.cuCtxPopCurrent(new CUcontext()));
      }
    }
    CudaResult.run("cuCtxPopCurrent", () -> JCudaDriver.cuCtxPopCurrent(new CUcontext()));
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

  /** Gives the device's ordinal. */
  int ordinal() {
    return ordinal;
  }

  /** Gives free and total device memory; called with the context current. */
  long[] memory() {
    long[] free = new long[1];
    long[] total = new long[1];
    CudaResult.run("cuMemGetInfo", () -> JCudaDriver.cuMemGetInfo(free, total));
    return new long[] {free[0], total[0]};
  }

  @Override
  public void close() {
    handle.close();
  }
}
