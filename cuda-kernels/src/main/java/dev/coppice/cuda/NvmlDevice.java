package dev.coppice.cuda;

import java.util.Optional;
import java.util.OptionalDouble;
import org.bytedeco.cuda.global.nvml;
import org.bytedeco.cuda.nvml.nvmlDevice_st;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;

/**
 * A device that NVML counts the energy of, through JavaCPP's preset. There are some that have no
 * counter: nothing that NVML answers is an error here.
 */
final class NvmlDevice implements AutoCloseable {
  private static final double MILLI = 1e-3;

  private final nvmlDevice_st device = new nvmlDevice_st();
  private final Handle owned;

  private NvmlDevice() {
    this.owned = new Handle(this, "NVML", nvml::nvmlShutdown);
  }

  /**
   * Loads the preset and the library.
   *
   * @throws LinkageError if one is missing
   */
  static void load() {
    Loader.load(nvml.class);
    new BytePointer("").close(); // Needs JavaCPP's own native library.
  }

  /**
   * Opens the device at a PCI bus, if its energy is counted. The order of NVML's devices is another
   * one than CUDA's.
   */
  static Optional<NvmlDevice> open(String pciBusId) {
    if (nvml.nvmlInit_v2() != nvml.NVML_SUCCESS) {
      return Optional.empty();
    }
    NvmlDevice opened = new NvmlDevice();
    if (opened.find(pciBusId) && !opened.isShared() && opened.joules().isPresent()) {
      return Optional.of(opened);
    }
    opened.close();
    return Optional.empty();
  }

  private boolean find(String pciBusId) {
    try (BytePointer id = new BytePointer(pciBusId)) {
      return nvml.nvmlDeviceGetHandleByPciBusId_v2(id, device) == nvml.NVML_SUCCESS;
    }
  }

  /** With MIG, the board's counter counts what other parts of it take, too; they have none. */
  private boolean isShared() {
    int[] mode = new int[1];
    return nvml.nvmlDeviceGetMigMode(device, mode, new int[1]) == nvml.NVML_SUCCESS
        && mode[0] == nvml.NVML_DEVICE_MIG_ENABLE;
  }

  OptionalDouble joules() {
    long[] millijoules = new long[1];
    int answer = nvml.nvmlDeviceGetTotalEnergyConsumption(device, millijoules);
    return answer == nvml.NVML_SUCCESS
        ? OptionalDouble.of(MILLI * millijoules[0])
        : OptionalDouble.empty();
  }

  @Override
  public void close() {
    owned.close();
  }
}
