package dev.coppice.cuda;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.DeviceException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.NanWeightsException;
import dev.coppice.Shape;
import dev.coppice.spi.Backend;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.Execution;
import dev.coppice.spi.SliceSumsContract;
import dev.coppice.spi.Summand;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CudaSliceSumsTest extends SliceSumsContract {
  private static final long ROWS = 300;
  private static final long COLUMNS = 701;
  private static final int OUT_OF_MEMORY = 2;
  private static final int UNKNOWN = 999;
  private static final Pattern GIVING_BACK =
      Pattern.compile("Free|Destroy|Unload|Release|PushCurrent|PopCurrent|Synchron");

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

  @Test
  void tensorsOnTheDeviceAreAddedUpThere() throws IOException {
    try (DeviceArrays arrays = new DeviceArrays();
        Backend backend = open()) {
      int[] bits = bits();
      ByteBuffer bytes = ByteBuffer.allocateDirect(4 * bits.length + 4).order(LITTLE_ENDIAN);
      for (int i = 0; i < bits.length; i++) {
        bytes.putInt(4 * i + 4, bits[i]);
      }
      for (long[] shape :
          new long[][] {{ROWS, COLUMNS}, {100, 3, COLUMNS}, {ROWS * COLUMNS / 3, 3}}) {
        Weights there = new There(Shape.of(shape), arrays.copy(bytes) + 4);
        for (int axis = 0; axis < shape.length; axis++) {
          assertThat(backend.sliceSums(there, axis, Summand.MAGNITUDE, execution(2)))
              .isEqualTo(expected(DType.F32, bits, axis, Summand.MAGNITUDE, shape));
        }
      }
    }
  }

  @Test
  void theFirstNanOfATensorOnTheDeviceIsNamed() {
    try (DeviceArrays arrays = new DeviceArrays();
        Backend backend = open()) {
      ByteBuffer bytes = ByteBuffer.allocateDirect(4 * 30_000).order(LITTLE_ENDIAN);
      bytes.putFloat(4 * 29_000, Float.NaN).putFloat(4 * 12_345, Float.NaN);
      Weights there = new There(Shape.of(10, 3000), arrays.copy(bytes));
      for (int axis = 0; axis < 2; axis++) {
        int along = axis;
        assertThatExceptionOfType(NanWeightsException.class)
            .isThrownBy(() -> backend.sliceSums(there, along, Summand.SQUARE, execution(2)))
            .satisfies(e -> assertThat(e.index()).isEqualTo(12_345));
      }
    }
  }

  @Test
  void anErrorOfAnyCallIsATypedExceptionAndNothingStaysAlive() throws IOException {
    int[] bits = bits();
    System.setProperty("coppice.cuda.chunk", "400000");
    Weights weights = tensor(DType.F32, bits, false, ROWS, COLUMNS);
    double[] expected = expected(DType.F32, bits, 0, Summand.SQUARE, ROWS, COLUMNS);
    int failures = 0;
    for (int n = 1; ; n++) {
      EmulatedDriver.reset();
      String failure = "";
      long before = Long.MAX_VALUE;
      try (Backend backend = open()) {
        EmulatedDriver.fail("*", n, UNKNOWN);
        before = EmulatedDriver.calls("*");
        // One thread, so that the order of calls is always the same.
        assertThat(backend.sliceSums(weights, 0, Summand.SQUARE, execution(1))).isEqualTo(expected);
      } catch (DeviceException e) {
        failure = e.toString();
        failures++;
      }
      boolean givingBack = GIVING_BACK.matcher(failure).find();
      assertThat(EmulatedDriver.liveAllocations() + EmulatedDriver.livePinned())
          .as("%d: %s", n, failure)
          .isLessThanOrEqualTo(givingBack ? 1 : 0);
      if (EmulatedDriver.calls("*") - before < n) {
        break; // The fault came after the end.
      }
    }
    EmulatedDriver.reset();
    assertThat(failures).isGreaterThan(10);
  }

  @Test
  void withoutRoomForOneAllocationBlocksAreSmallerOrItIsSaid() throws IOException {
    int[] bits = bits();
    Weights weights = tensor(DType.F32, bits, false, ROWS, COLUMNS);
    double[] expected = expected(DType.F32, bits, 0, Summand.SQUARE, ROWS, COLUMNS);
    for (String call : List.of("cuMemAllocAsync", "cuMemHostAlloc")) {
      for (int n = 1; n < 6; n++) {
        EmulatedDriver.reset();
        try (Backend backend = open()) {
          EmulatedDriver.fail(call, n, OUT_OF_MEMORY);
          assertThat(backend.sliceSums(weights, 0, Summand.SQUARE, execution(2)))
              .as("%s %d", call, n)
              .isEqualTo(expected);
        }
      }
    }
  }

  /** F32 on the device. */
  private record There(Shape shape, long address) implements Weights {
    @Override
    public String name() {
      return "there";
    }

    @Override
    public DType dtype() {
      return DType.F32;
    }

    @Override
    public Axes axes() {
      return new Axes(0, 0);
    }

    @Override
    public Optional<DeviceAddress> onDevice() {
      return Optional.of(new DeviceAddress(0, address));
    }

    @Override
    public void read(long first, ByteBuffer into) {
      throw new AssertionError("a tensor on the device is not read");
    }

    @Override
    public void write(long first, ByteBuffer from) {
      throw new AssertionError("sums only read");
    }
  }

  private static Execution execution(int threads) {
    return new Execution(
        WorkPool.shared(), threads, 1 << 20, () -> false, (phase, done, total) -> {});
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
        assertThat(backend.sliceSums(weights, axis, Summand.SQUARE, execution(2)))
            .isEqualTo(expected(DType.F32, bits, axis, Summand.SQUARE, ROWS, COLUMNS));
      }
    }
  }
}
