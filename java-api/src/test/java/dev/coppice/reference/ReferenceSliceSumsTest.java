package dev.coppice.reference;

import dev.coppice.spi.Backend;
import dev.coppice.spi.SliceSumsContract;

class ReferenceSliceSumsTest extends SliceSumsContract {
  @Override
  protected Backend open() {
    return new ReferenceProvider().create(0);
  }
}
