package dev.coppice.cuda;

import java.util.Optional;
import java.util.OptionalDouble;

/** Counts the energy that a device takes, where its driver does. */
final class EnergyCounter implements AutoCloseable {
  /** NVML is a part of every driver: what binds it needs no library of its CUDA. */
  private static final LibraryBinding NVML =
      new LibraryBinding(
          "JavaCPP's preset",
          "org.bytedeco:cuda:13.3-9.25-1.5.14 and its linux-x86_64 jar",
          "libnvidia-ml.so.1",
          () -> NvmlDevice.load());

  private final Optional<NvmlDevice> device;

  /** Opens a device's counter. */
  EnergyCounter(CudaContext context) {
    this.device =
        NVML.refusal().isPresent() ? Optional.empty() : NvmlDevice.open(context.pciBusId());
  }

  /**
   * Gives the joules that the whole board has taken since the driver was loaded; nothing where they
   * are not counted.
   */
  OptionalDouble joules() {
    return device.isPresent() ? device.get().joules() : OptionalDouble.empty();
  }

  @Override
  public void close() {
    device.ifPresent(NvmlDevice::close);
  }
}
