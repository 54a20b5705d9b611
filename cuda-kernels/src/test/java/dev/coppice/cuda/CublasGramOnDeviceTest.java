package dev.coppice.cuda;

import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramContract;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

@Tag("gpu")
@ExtendWith(RealDevice.class)
class CublasGramOnDeviceTest extends GramContract {
  @Override
  protected GramBackend open() {
    return new CublasGram().open();
  }
}
