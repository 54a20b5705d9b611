package dev.coppice.cuda;

import dev.coppice.BackendContract;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CudaBackendTest extends BackendContract {
  @Override
  protected String backend() {
    return "cuda";
  }
}
