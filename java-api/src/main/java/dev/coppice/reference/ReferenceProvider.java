package dev.coppice.reference;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import dev.coppice.spi.SlicedBackend;

/** Provides the backend that works everywhere. */
public final class ReferenceProvider implements BackendProvider {
  @Override
  public String name() {
    return "reference";
  }

  @Override
  public int rank() {
    return 0;
  }

  @Override
  public Availability availability() {
    return new Availability.Usable("plain Java " + Runtime.version().feature());
  }

  @Override
  public Backend create(int device) {
    return new SlicedBackend(name(), new ReferenceKernels());
  }
}
