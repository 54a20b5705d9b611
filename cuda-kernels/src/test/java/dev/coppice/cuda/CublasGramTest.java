package dev.coppice.cuda;

import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramContract;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CublasGramTest extends GramContract {
  @Override
  protected GramBackend open() {
    return new CublasGram(CublasLinear.through(CublasBinding.JCUBLAS)).open();
  }
}
