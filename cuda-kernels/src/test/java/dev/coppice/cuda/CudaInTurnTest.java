package dev.coppice.cuda;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** Weights of which only some hundred bytes are on the device at once. */
class CudaInTurnTest extends CudaBatchesTest {
  @BeforeAll
  static void keepNothing() {
    System.setProperty("coppice.cuda.resident", "0");
  }

  @AfterAll
  static void keepAll() {
    System.clearProperty("coppice.cuda.resident");
  }
}
