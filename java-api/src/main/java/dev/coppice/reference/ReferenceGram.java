package dev.coppice.reference;

import dev.coppice.spi.Availability;
import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramProvider;

/** Adds up Gram matrices in plain Java, with the threads of the common pool. */
public final class ReferenceGram implements GramProvider {
  @Override
  public String name() {
    return ReferenceProvider.NAME;
  }

  @Override
  public Availability availability() {
    return new Availability.Usable("plain Java");
  }

  @Override
  public long worthwhile() {
    return 0;
  }

  @Override
  public GramBackend open() {
    return ReferenceGramSums::new;
  }
}
