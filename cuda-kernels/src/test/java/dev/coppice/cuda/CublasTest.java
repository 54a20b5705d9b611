package dev.coppice.cuda;

import dev.coppice.spi.LinearProvider;

class CublasTest extends LibraryContract {
  private final LinearProvider provider = CublasLinear.through(CublasBinding.JCUBLAS);

  @Override
  protected LinearProvider provider() {
    return provider;
  }
}
