package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.cuda.HistogramKernel.Plan;
import dev.coppice.reference.ReferenceKernels;
import dev.coppice.spi.Histogram;
import dev.coppice.spi.Ranking;
import dev.coppice.spi.Slice;
import dev.coppice.spi.Window;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the contract's sizes do not reach: several blocks, several passes, odd addresses. */
@ExtendWith(EmulatedDriver.class)
class HistogramKernelTest {
  private final SplittableRandom random = new SplittableRandom(7);

  @ParameterizedTest
  @EnumSource
  void everyAlignmentOfTheFirstAndTheLastElementCountsTheSame(DType dtype) {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      for (int offset = 0; offset < 16 / dtype.bytes() + 1; offset++) {
        for (int size : new int[] {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 100}) {
          Slice slice = gaussian(dtype, size);
          assertCountsLikeReference(
              kernels, slice, new Window(0, dtype.keyBits() - 15, 1 << 15), offset);
          assertCountsLikeReference(
              kernels, slice, new Window(0, dtype.keyBits() - 3, Math.min(size, 8)), offset);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void manyBlocksCountTheSameAsOne(DType dtype) {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      for (int size : new int[] {8191, 8192, 8193, 65_537, 300_001}) {
        Slice slice = gaussian(dtype, size);
        assertCountsLikeReference(kernels, slice, new Window(0, dtype.keyBits() - 8, 1 << 8), 0);
        assertCountsLikeReference(kernels, slice, new Window(0, dtype.keyBits() - 15, 1 << 15), 1);
      }
    }
  }

  @Test
  void aWindowIsCountedInSharedMemoryInAFewPassesAndOtherwiseInGlobalMemory() {
    assertPlan(65_536, 1 << 14, new Plan(true, 2, 16_376));
    assertPlan(65_536, 1 << 15, new Plan(true, 3, 16_376));
    assertPlan(101_376, 1 << 15, new Plan(true, 2, 25_336));
    assertPlan(166_912, 1 << 15, new Plan(true, 1, 1 << 15));
    assertPlan(65_536, 1 << 16, new Plan(false, 1, 1 << 16));
    assertPlan(101_376, 1 << 16, new Plan(true, 3, 25_336));
    assertPlan(232_448, 1 << 16, new Plan(true, 2, 58_104));
    assertPlan(65_536, 4 * 16_376, new Plan(true, 4, 16_376));
    assertPlan(65_536, 4 * 16_376 + 1, new Plan(false, 1, 4 * 16_376 + 1));
  }

  @Test
  void manyThreadsCountAtOnce() {
    Window window = new Window(0, 7, 1 << 8);
    List<Slice> slices =
        IntStream.range(0, 32).mapToObj(i -> gaussian(DType.BF16, 1000 + i)).toList();
    try (CudaKernels kernels = CudaKernels.open(0)) {
      slices.parallelStream().forEach(s -> assertCountsLikeReference(kernels, s, window, 0));
    }
  }

  @Test
  void fewerWeightsThanBinsAreCountedInGlobalMemory() {
    Window window = new Window(0, 0, 1 << 15);
    try (CudaKernels kernels = CudaKernels.open(0)) {
      assertThat(kernels.histogram().plan(window, (1 << 15) - 1).shared()).isFalse();
      assertThat(kernels.histogram().plan(window, 1 << 15).shared()).isTrue();
    }
  }

  /** Asserts how a device of so much shared memory counts, and that it counts right. */
  private void assertPlan(int sharedMemory, int bins, Plan plan) {
    EmulatedDriver.reset();
    EmulatedDriver.setSharedMemory(sharedMemory);
    Window f32 = new Window(0x3F00_0000L, 3, bins);
    try (CudaKernels kernels = CudaKernels.open(0)) {
      assertThat(kernels.histogram().plan(f32, 70_000)).isEqualTo(plan);
      assertCountsLikeReference(kernels, gaussian(DType.F32, 70_000), f32, 0);
      assertThat(EmulatedDriver.calls("cuLaunchKernel")).isEqualTo(plan.passes());
      assertCountsLikeReference(kernels, gaussian(DType.F32, 70_000), new Window(0, 16, bins), 3);
      assertCountsLikeReference(kernels, gaussian(DType.BF16, 70_000), new Window(0, 0, bins), 5);
      assertCountsLikeReference(kernels, gaussian(DType.F16, 70_000), new Window(9000, 0, bins), 0);
    }
  }

  @Test
  void passesThatLieAboveEveryKeyAreNotLaunched() {
    Window window = new Window(0xFFFF_FFFFL, 31, 1 << 16);
    try (CudaKernels kernels = CudaKernels.open(0)) {
      assertThat(kernels.histogram().plan(window, 70_000).passes()).isEqualTo(2);
      assertCountsLikeReference(kernels, gaussian(DType.F32, 70_000), window, 0);
    }
    assertThat(EmulatedDriver.calls("cuLaunchKernel")).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource
  void aTensorOfZerosOrOfNanCounts(DType dtype) {
    try (CudaKernels kernels = CudaKernels.open(0)) {
      Window all = new Window(0, dtype.keyBits() - 15, 1 << 15);
      assertCountsLikeReference(kernels, filled(dtype, 0, 50_000), all, 0);
      assertCountsLikeReference(kernels, filled(dtype, 0, 50_000), new Window(5, 0, 10), 0);
      assertCountsLikeReference(kernels, filled(dtype, dtype.largestKey() + 1, 50_000), all, 1);
    }
  }

  /** Uploads the slice {@code offset} elements behind an aligned address, and compares. */
  private static void assertCountsLikeReference(
      CudaKernels kernels, Slice slice, Window window, int offset) {
    Histogram expected = histogram(window);
    long expectedNan = new ReferenceKernels().histogram(slice, window, expected);
    Histogram actual = histogram(window);
    long actualNan =
        offset == 0
            ? kernels.histogram(slice, window, actual)
            : kernels.context().call(() -> countAt(kernels, slice, window, offset, actual));
    assertThat(new long[] {actual.below, actual.nans, actualNan})
        .as("below, NaN, first NaN: %s, %s, %d off", slice, window, offset)
        .containsExactly(expected.below, expected.nans, expectedNan);
    assertThat(Arrays.mismatch(bins(actual, window), bins(expected, window)))
        .as("the first bin that differs: %s, %s, %d off", slice, window, offset)
        .isEqualTo(-1);
  }

  private static long countAt(
      CudaKernels kernels, Slice slice, Window window, int offset, Histogram into) {
    try (DeviceMemory data =
        new DeviceMemory(
            kernels.context(), slice.data().capacity() + (long) offset * slice.dtype().bytes())) {
      return kernels.count(slice, window, data, (long) offset * slice.dtype().bytes(), into);
    }
  }

  private static Histogram histogram(Window window) {
    Histogram histogram = new Histogram();
    histogram.clear(window.bins());
    return histogram;
  }

  private static int[] bins(Histogram histogram, Window window) {
    int[] bins = new int[window.bins()];
    histogram.counts().get(0, bins);
    return bins;
  }

  /** Gives Gaussian weights, one in sixteen zero, and a NaN in some. */
  private Slice gaussian(DType dtype, int size) {
    int nanAt = random.nextInt(2 * size);
    return slice(
        dtype,
        size,
        i -> {
          int f32 = Float.floatToRawIntBits((float) random.nextGaussian());
          int bits =
              switch (dtype) {
                case F32 -> f32;
                case BF16 -> f32 >>> 16;
                case F16 -> (f32 >>> 16 & 0x8000) | (f32 >>> 13 & 0x3FFF) | 0x2000;
              };
          return random.nextInt(16) == 0 ? 0 : i == nanAt ? dtype.largestKey() + 1 : bits;
        });
  }

  private static Slice filled(DType dtype, int bits, int size) {
    return slice(dtype, size, i -> bits);
  }

  private static Slice slice(DType dtype, int size, IntUnaryOperator bits) {
    ByteBuffer data =
        ByteBuffer.allocateDirect(size * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < size; i++) {
      if (dtype == DType.F32) {
        data.putInt(i * 4, bits.applyAsInt(i));
      } else {
        data.putShort(i * 2, (short) bits.applyAsInt(i));
      }
    }
    return new Slice(data, dtype, new Ranking.Magnitude(), 0, 1, size, size);
  }
}
