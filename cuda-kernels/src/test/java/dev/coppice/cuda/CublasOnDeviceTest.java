package dev.coppice.cuda;

import dev.coppice.spi.LinearProvider;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

@Tag("gpu")
@ExtendWith(RealDevice.class)
class CublasOnDeviceTest extends LibraryContract {
  private final LinearProvider provider = new CublasLinear();

  @Override
  protected LinearProvider provider() {
    return provider;
  }
}
