package dev.coppice.cuda;

import dev.coppice.spi.LinearProvider;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CublasTest extends LibraryContract {
  private final LinearProvider provider = CublasLinear.through(CublasBinding.JCUBLAS);

  @Override
  protected LinearProvider provider() {
    return provider;
  }
}
