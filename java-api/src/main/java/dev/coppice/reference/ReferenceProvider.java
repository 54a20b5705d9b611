package dev.coppice.reference;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import dev.coppice.spi.SlicedBackend;

/** Provides the backend that works everywhere. */
public final class ReferenceProvider implements BackendProvider {
  static final String NAME = "reference";

  @Override
  public String name() {
    return NAME;
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
