package dev.coppice.cuda;

import dev.coppice.spi.LinearProvider;

class CusparseLtTest extends LibraryContract {
  private final LinearProvider provider = new CusparseLtLinear();

  @Override
  protected LinearProvider provider() {
    return provider;
  }
}
