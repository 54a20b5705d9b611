package dev.coppice.cuda;

import java.util.HashMap;
import java.util.Map;

/**
 * A device with the kernels of linear layers, shared by all that multiply there, and open as long
 * as one of them is. Safe for use by several threads.
 */
final class LinearDevice {
  private static final Map<Integer, LinearDevice> OPEN = new HashMap<>();

  private final CudaDevice device;
  private final Map<String, Kernel> kernels = new HashMap<>();
  private int users;

  private LinearDevice(CudaDevice device) {
    this.device = device;
  }

  /**
   * Gives a device, to be released once.
   *
   * @throws dev.coppice.BackendUnavailableException with the reason, if it cannot be used
   */
  static LinearDevice acquire(int ordinal) {
    synchronized (OPEN) {
      LinearDevice found = OPEN.get(ordinal);
      if (found == null) {
        found = new LinearDevice(CudaDevice.open(ordinal));
        OPEN.put(ordinal, found);
      }
      found.users++;
      return found;
    }
  }

  void release() {
    synchronized (OPEN) {
      users--;
      if (users == 0) {
        OPEN.remove(device.context().ordinal());
        device.close();
      }
    }
  }

  CudaDevice device() {
    return device;
  }

  /** Gives a kernel that takes so much shared memory; called with the context current. */
  synchronized Kernel kernel(String name, int threads, int shared) {
    return kernels.computeIfAbsent(
        name, n -> new Kernel(device.module(), "coppice_" + n, threads, shared));
  }
}
