package dev.coppice.cuda;

import dev.coppice.BackendContract;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;

/** Devices of compute capability 7.5, whose blocks hold half a histogram and shorter rows. */
@ExtendWith(EmulatedDriver.class)
class CudaSmallSharedMemoryTest extends BackendContract {
  @BeforeEach
  void haveAsLittleSharedMemoryAsTuring() {
    EmulatedDriver.setSharedMemory(65_536);
  }

  @Override
  protected String backend() {
    return "cuda";
  }

  @Override
  protected int[] sliceSizes() {
    return new int[] {1 << 20};
  }
}
