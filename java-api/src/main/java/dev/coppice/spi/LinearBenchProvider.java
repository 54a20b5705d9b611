package dev.coppice.spi;

import dev.coppice.sparse.Device;
import java.util.Optional;

/** Opens devices to measure on; found with {@link java.util.ServiceLoader}. */
public interface LinearBenchProvider {
  /**
   * Opens a device; empty if it is of a kind that this provider does not know.
   *
   * @throws dev.coppice.BackendUnavailableException if it cannot be used, with the reason
   */
  Optional<LinearBench> open(Device device);
}
