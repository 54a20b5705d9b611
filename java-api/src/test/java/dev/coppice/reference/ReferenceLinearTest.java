package dev.coppice.reference;

import dev.coppice.sparse.LinearContract;
import dev.coppice.spi.LinearProvider;

class ReferenceLinearTest extends LinearContract {
  @Override
  protected LinearProvider provider() {
    return new ReferenceLinear();
  }
}
