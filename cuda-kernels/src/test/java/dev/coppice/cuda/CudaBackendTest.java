package dev.coppice.cuda;

import dev.coppice.BackendContract;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CudaBackendTest extends BackendContract {
  @Override
  protected String backend() {
    return "cuda";
  }

  /** Each slice is a launch, which the emulated driver runs fiber by fiber. */
  @Override
  protected int[] sliceSizes() {
    return new int[] {1 << 20};
  }
}
