package dev.coppice.cuda;

import dev.coppice.spi.LinearProvider;

class CusparseTest extends LibraryContract {
  private final LinearProvider provider = new CusparseLinear();

  @Override
  protected LinearProvider provider() {
    return provider;
  }
}
