package dev.coppice.cuda;

import dev.coppice.spi.LinearProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

@Tag("gpu")
@ExtendWith(RealDevice.class)
class CusparseLtOnDeviceTest extends LibraryContract {
  private final LinearProvider provider = new CusparseLtLinear();

  @Override
  protected LinearProvider provider() {
    return provider;
  }
}
