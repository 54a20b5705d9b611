package dev.coppice.cuda;

import dev.coppice.DeviceException;
import dev.coppice.DeviceLostException;
import dev.coppice.DeviceOutOfMemoryException;
import java.util.function.IntFunction;
import java.util.function.IntSupplier;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * The one place where a driver's answer becomes an exception. JCuda itself ignores errors, so every
 * call goes through here.
 */
final class CudaResult {
  private static volatile @Nullable String lost;

  private CudaResult() {}

  /** Makes the call of that name, unless the device is lost, and throws if it fails. */
  static void run(String name, IntSupplier call) {
    requireAlive();
    check(call.getAsInt(), name);
  }

  /**
   * Like {@link #run}, for a function of a library whose codes {@code names} names; called with the
   * context current.
   */
  static void runLibrary(String name, IntFunction<String> names, IntSupplier call) {
    requireAlive();
    int code = call.getAsInt();
    if (code != 0) {
      runQuietly("cuCtxSynchronize", JCudaDriver::cuCtxSynchronize); // Libraries do not tell.
      requireAlive();
      throw new DeviceException(code, name + " failed: " + names.apply(code));
    }
  }

  /** Throws if {@code call} did not answer success. */
  static void check(int code, String call) {
    if (code != CUresult.CUDA_SUCCESS) {
      throw exception(code, call);
    }
  }

  /** Makes a call whose failure says less than the one that is being thrown already. */
  static void runQuietly(String name, IntSupplier call) {
    if (!isLost()) {
      int code = call.getAsInt();
      if (poisons(code)) {
        exception(code, name);
      }
    }
  }

  /** Like {@link #run}, for a call that allocates {@code bytes}. */
  static void allocate(String name, long bytes, IntSupplier call) {
    requireAlive();
    int code = call.getAsInt();
    if (code == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
      long[] free = new long[1];
      run("cuMemGetInfo", () -> JCudaDriver.cuMemGetInfo(free, new long[1]));
      throw new DeviceOutOfMemoryException(code, bytes, free[0]);
    }
    check(code, name);
  }

  /** Says whether an error has poisoned the context: no call may be made any more. */
  static boolean isLost() {
    return lost != null;
  }

  /** Gives the error that has poisoned the context, and what to do; or null. */
  static @Nullable String lost() {
    return lost;
  }

  /** Throws if an error has poisoned the context. */
  static void requireAlive() {
    String reason = lost;
    if (reason != null) {
      throw new DeviceLostException(CUresult.CUDA_ERROR_UNKNOWN, reason);
    }
  }

  private static DeviceException exception(int code, String call) {
    String message = call + " failed: " + CUresult.stringFor(code);
    if (!poisons(code)) {
      return new DeviceException(code, message);
    }
    lost = message + "; the device cannot be used any more from this process, only from a new one";
    return new DeviceLostException(code, lost);
  }

  private static boolean poisons(int code) {
    return switch (code) {
      case CUresult.CUDA_ERROR_ECC_UNCORRECTABLE,
          CUresult.CUDA_ERROR_NVLINK_UNCORRECTABLE,
          CUresult.CUDA_ERROR_ILLEGAL_ADDRESS,
          CUresult.CUDA_ERROR_LAUNCH_TIMEOUT,
          CUresult.CUDA_ERROR_ASSERT,
          CUresult.CUDA_ERROR_HARDWARE_STACK_ERROR,
          CUresult.CUDA_ERROR_ILLEGAL_INSTRUCTION,
          CUresult.CUDA_ERROR_MISALIGNED_ADDRESS,
          CUresult.CUDA_ERROR_INVALID_ADDRESS_SPACE,
          CUresult.CUDA_ERROR_INVALID_PC,
          CUresult.CUDA_ERROR_LAUNCH_FAILED ->
          true;
      default -> false;
    };
  }
}
