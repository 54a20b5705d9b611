package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.coppice.DType;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.spi.Backend;
import dev.coppice.spi.Execution;
import dev.coppice.spi.SliceSumsContract;
import dev.coppice.spi.Summand;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CudaSliceSumsTest extends SliceSumsContract {
  private static final long ROWS = 300;
  private static final long COLUMNS = 701;

  @Override
  protected Backend open() {
    return new CudaProvider().create(0);
  }

  /** The size of a slice is a setting of the device here. */
  @Override
  protected int[] sliceSizes() {
    return new int[] {1 << 20};
  }

  @AfterEach
  void allowAll() {
    System.clearProperty("coppice.cuda.chunk");
    System.clearProperty("coppice.cuda.staging");
  }

  @Test
  void blocksAndPiecesOfAnySizeGiveTheSameSums() throws IOException {
    int[] bits = bits();
    for (int chunk : new int[] {64, 5000, 200_000}) {
      System.setProperty("coppice.cuda.chunk", Integer.toString(chunk));
      System.setProperty("coppice.cuda.staging", "1000");
      checkBothAxes(bits);
    }
  }

  @Test
  void aDeviceWithLittleMemoryTakesSmallerBlocks() throws IOException {
    EmulatedDriver.setMemory(0, 1_000_000);
    checkBothAxes(bits());
  }

  @Test
  void aDeviceWithoutRoomForAChunkIsOutOfMemoryAndHoldsNothing() {
    EmulatedDriver.setMemory(0, 2_000);
    assertThatExceptionOfType(DeviceOutOfMemoryException.class)
        .isThrownBy(() -> checkBothAxes(bits()));
  }

  private static int[] bits() {
    Random random = new Random(4);
    return random
        .ints(ROWS * COLUMNS)
        .map(i -> Float.floatToRawIntBits((float) random.nextGaussian()))
        .toArray();
  }

  private void checkBothAxes(int[] bits) throws IOException {
    Weights weights = tensor(DType.F32, bits, false, ROWS, COLUMNS);
    try (Backend backend = open()) {
      for (int axis = 0; axis < 2; axis++) {
        Execution execution =
            new Execution(WorkPool.shared(), 2, 1 << 20, () -> false, (phase, done, total) -> {});
        assertThat(backend.sliceSums(weights, axis, Summand.SQUARE, execution))
            .isEqualTo(expected(DType.F32, bits, axis, Summand.SQUARE, ROWS, COLUMNS));
      }
    }
  }
}
