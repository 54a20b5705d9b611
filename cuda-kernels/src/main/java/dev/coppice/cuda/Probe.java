package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.DeviceException;
import dev.coppice.spi.Availability;
import java.util.function.Supplier;

/** Asks whether something of a device can be used. */
final class Probe {
  private Probe() {}

  /**
   * Gives what {@code usable} says, or why it cannot be used where that throws: there is no such
   * device, it or its driver is too old, or a library is missing.
   */
  static Availability of(Supplier<String> usable) {
    try {
      return new Availability.Usable(
          (Emulation.isWanted() ? "emulated, no GPU: " : "") + usable.get());
    } catch (BackendUnavailableException | DeviceException e) {
      return new Availability.Unusable(String.valueOf(e.getMessage()));
    } catch (LinkageError e) {
      return new Availability.Unusable(
          "JCuda is not on the class path or not whole: " + e + "; add org.jcuda:jcuda 12.6.0");
    }
  }
}
