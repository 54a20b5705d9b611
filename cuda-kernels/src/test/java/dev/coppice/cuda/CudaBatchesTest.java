package dev.coppice.cuda;

import dev.coppice.BackendContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.ExtendWith;

/** All weights are on the device at once, but come there in small batches. */
@ExtendWith(EmulatedDriver.class)
class CudaBatchesTest extends BackendContract {
  @BeforeAll
  static void allowLittle() {
    System.setProperty("coppice.cuda.chunk", "1000");
    System.setProperty("coppice.cuda.staging", "200");
  }

  @AfterAll
  static void allowAll() {
    System.clearProperty("coppice.cuda.chunk");
    System.clearProperty("coppice.cuda.staging");
  }

  @Override
  protected String backend() {
    return "cuda";
  }

  @Override
  protected int[] sliceSizes() {
    return new int[] {1 << 20};
  }

  /** Thousands of batches for each of many prunes: {@link CudaBackendTest} has them in one. */
  @Override
  protected void aLargeScopeNeedsNoLuckWithTheFirstWindow() {}
}
