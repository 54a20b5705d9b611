package dev.coppice.cuda;

import dev.coppice.spi.LinearProvider;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CusparseTest extends LibraryContract {
  private final LinearProvider provider = new CusparseLinear();

  @Override
  protected LinearProvider provider() {
    return provider;
  }
}
