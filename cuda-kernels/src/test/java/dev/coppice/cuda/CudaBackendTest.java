package dev.coppice.cuda;

import dev.coppice.BackendContract;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/** Minutes long: most of its slices are of 64 bytes, and each is a launch. */
@Tag("long")
@ExtendWith(EmulatedDriver.class)
class CudaBackendTest extends BackendContract {
  @Override
  protected String backend() {
    return "cuda";
  }
}
