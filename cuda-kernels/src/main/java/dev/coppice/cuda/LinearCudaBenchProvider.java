package dev.coppice.cuda;

import dev.coppice.BackendUnavailableException;
import dev.coppice.sparse.Device;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearBenchProvider;
import java.util.Optional;

/** Opens CUDA devices to measure on. */
public final class LinearCudaBenchProvider implements LinearBenchProvider {
  @Override
  public Optional<LinearBench> open(Device device) {
    if (!(device instanceof Device.Cuda cuda)) {
      return Optional.empty();
    }
    if (new LinearCudaProvider().availability(device) instanceof Availability.Unusable unusable) {
      throw new BackendUnavailableException(device + ": " + unusable.reason());
    }
    return Optional.of(LinearMemory.with(cuda.ordinal(), LinearCudaBench::new));
  }
}
