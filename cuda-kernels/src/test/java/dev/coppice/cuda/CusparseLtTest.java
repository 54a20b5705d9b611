package dev.coppice.cuda;

import dev.coppice.spi.LinearProvider;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CusparseLtTest extends LibraryContract {
  private final LinearProvider provider = new CusparseLtLinear();

  @Override
  protected LinearProvider provider() {
    return provider;
  }
}
