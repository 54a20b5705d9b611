package dev.coppice.cuda;

import dev.coppice.BackendContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.extension.ExtendWith;

/** Weights of which only some hundred bytes are on the device at once. */
@ExtendWith(EmulatedDriver.class)
class CudaInTurnTest extends BackendContract {
  @BeforeAll
  static void allowLittle() {
    System.setProperty("coppice.cuda.resident", "0");
    System.setProperty("coppice.cuda.chunk", "1000");
    System.setProperty("coppice.cuda.staging", "200");
  }

  @AfterAll
  static void allowAll() {
    System.clearProperty("coppice.cuda.resident");
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
