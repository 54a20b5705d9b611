package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.NanWeightsException;
import dev.coppice.PruningCancelledException;
import dev.coppice.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What the slice sums of every backend are, to the bit. They are compared with those of a plain
 * loop over the whole tensor that shares no code with any backend.
 */
public abstract class SliceSumsContract {
  private static final WorkPool POOL = new WorkPool(3);

  /** Around the sizes of vectors, partial sums (32) and chunks (8,192). */
  private static final long[] LENGTHS = {
    1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 511, 512, 513, 1000, 8191, 8192, 8193, 16384, 20_001
  };

  private static final List<WeightKind> NUMBERS =
      List.of(
          WeightKind.NUMBERS,
          WeightKind.HALF_PRUNED,
          WeightKind.DENORMALS,
          WeightKind.EXTREMES,
          WeightKind.ZEROS);

  private final SplittableRandom random = new SplittableRandom(2027);

  /** Opens the backend. */
  protected abstract Backend open();

  /** Gives the sizes of slices that are tried; a backend that pays for each slice may try fewer. */
  protected int[] sliceSizes() {
    return new int[] {64, 5000, 1 << 18, 8 << 20};
  }

  /** A tensor in memory, which lends it or does not. */
  private record Memory(DType dtype, Shape shape, ByteBuffer bytes, boolean lends)
      implements Weights {
    @Override
    public String name() {
      return "w";
    }

    @Override
    public Axes axes() {
      return new Axes(0, 0);
    }

    @Override
    public Optional<ByteBuffer> view(long first, int count) {
      return lends ? Optional.of(slice(first, count * dtype.bytes())) : Optional.empty();
    }

    @Override
    public void read(long first, ByteBuffer into) {
      into.put(slice(first, into.remaining()));
    }

    private ByteBuffer slice(long first, int count) {
      return bytes.slice((int) first * dtype.bytes(), count).order(ByteOrder.LITTLE_ENDIAN);
    }

    @Override
    public void write(long first, ByteBuffer from) {
      throw new AssertionError("sums only read");
    }
  }

  /** Makes a tensor of these elements. */
  protected static Weights tensor(DType dtype, int[] bits, boolean lends, long... shape) {
    ByteBuffer bytes = ByteBuffer.allocateDirect(bits.length * dtype.bytes());
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < bits.length; i++) {
      if (dtype == DType.F32) {
        bytes.putInt(4 * i, bits[i]);
      } else {
        bytes.putShort(2 * i, (short) bits[i]);
      }
    }
    return new Memory(dtype, Shape.of(shape), bytes, lends);
  }

  /** Gives the sums by SPEC.md's words. */
  protected static double[] expected(
      DType dtype, int[] bits, int axis, Summand summand, long... shape) {
    int slices = (int) shape[axis];
    int inner = (int) Arrays.stream(shape).skip(axis + 1L).reduce(1, (a, b) -> a * b);
    double[] sums = new double[slices];
    double[][] partials = new double[slices][32];
    int[] taken = new int[slices];
    for (int i = 0; i < bits.length; i++) {
      int s = i / inner % slices;
      double value = SliceOracle.number(dtype, bits[i]);
      partials[s][taken[s] % 32] += summand == Summand.SQUARE ? value * value : value;
      taken[s]++;
      if (taken[s] % 8192 == 0) {
        sums[s] += folded(partials[s]);
        partials[s] = new double[32];
      }
    }
    for (int s = 0; s < slices; s++) {
      sums[s] += folded(partials[s]);
    }
    return sums;
  }

  private static double folded(double[] partials) {
    double[] p = partials.clone();
    for (int distance : new int[] {16, 8, 4, 2, 1}) {
      for (int j = 0; j < distance; j++) {
        p[j] = p[j] + p[j + distance];
      }
    }
    return p[0];
  }

  private void check(DType dtype, WeightKind kind, int axis, long... shape) throws IOException {
    int size = (int) Shape.of(shape).elements();
    int[] bits = kind.make(random, dtype, size);
    try (Backend backend = open()) {
      for (Summand summand : Summand.values()) {
        double[] expected = expected(dtype, bits, axis, summand, shape);
        for (int sliceBytes : sliceSizes()) {
          Weights weights = tensor(dtype, bits, random.nextBoolean(), shape);
          Execution execution = execution(1 + random.nextInt(3), sliceBytes, false);
          double[] sums = backend.sliceSums(weights, axis, summand, execution);
          Progress.Mark passed = execution.progress().mark();
          assertThat(passed.done()).isEqualTo(passed.total());
          assertThat(Arrays.stream(sums).mapToLong(Double::doubleToRawLongBits).toArray())
              .as(
                  "%s of %s %s along %d of %s, slices of %d",
                  summand, dtype, kind, axis, Shape.of(shape), sliceBytes)
              .isEqualTo(Arrays.stream(expected).mapToLong(Double::doubleToRawLongBits).toArray());
        }
      }
    }
  }

  private static Execution execution(int threads, int sliceBytes, boolean cancelled) {
    return new Execution(POOL, threads, sliceBytes, () -> cancelled, (phase, done, total) -> {});
  }

  private WeightKind kind() {
    return NUMBERS.get(random.nextInt(NUMBERS.size()));
  }

  @ParameterizedTest
  @EnumSource
  void slicesAlongTheFirstAxisAreContiguous(DType dtype) throws IOException {
    for (long length : LENGTHS) {
      check(dtype, kind(), 0, 3, length);
    }
    check(dtype, WeightKind.NUMBERS, 0, 700, 33);
    check(dtype, WeightKind.NUMBERS, 0, 5, 3, 2, 4);
    check(dtype, WeightKind.NUMBERS, 0, 20_001);
  }

  @ParameterizedTest
  @EnumSource
  void slicesAlongTheLastAxisAreColumns(DType dtype) throws IOException {
    for (long length : LENGTHS) {
      check(dtype, kind(), 1, length, 3);
    }
    for (long columns : new long[] {1, 4, 8, 15, 16, 17, 31, 32, 33, 64, 65, 130, 199}) {
      check(dtype, kind(), 1, 100, columns);
    }
    check(dtype, WeightKind.NUMBERS, 1, 8200, 70);
    check(dtype, WeightKind.NUMBERS, 2, 13, 5, 40);
  }

  @ParameterizedTest
  @EnumSource
  void slicesAlongAnAxisBetweenAreRuns(DType dtype) throws IOException {
    for (long inner : new long[] {2, 3, 7, 8, 9, 31, 32, 33, 100, 511, 512, 513, 600}) {
      check(dtype, kind(), 1, 4, 3, inner);
      check(dtype, kind(), 1, 1 + 8192 / inner, 3, inner);
      check(dtype, kind(), 1, 2 + 16384 / inner, 2, inner);
    }
    check(dtype, WeightKind.NUMBERS, 1, 3, 2, 8193);
    check(dtype, WeightKind.NUMBERS, 1, 2, 3, 20_000);
    check(dtype, WeightKind.NUMBERS, 1, 8, 40, 3, 3);
    check(dtype, WeightKind.NUMBERS, 2, 8, 40, 3, 3);
    check(dtype, WeightKind.NUMBERS, 1, 3000, 2, 3, 3);
  }

  @Test
  void slicesWithoutElementsAreZeroAndThereMayBeNoSlices() throws IOException {
    check(DType.F32, WeightKind.NUMBERS, 0, 3, 0);
    check(DType.F32, WeightKind.NUMBERS, 1, 0, 3);
    check(DType.F32, WeightKind.NUMBERS, 0, 0, 3);
    check(DType.F32, WeightKind.NUMBERS, 1, 4, 0, 3);
  }

  @ParameterizedTest
  @EnumSource
  void anInfinityMakesItsSliceInfiniteAndNoOther(DType dtype) throws IOException {
    int[] bits = WeightKind.NUMBERS.make(random, dtype, 300);
    int sign = 1 << (8 * dtype.bytes() - 1);
    bits[150] = dtype.largestKey() | sign;
    bits[151] = dtype.largestKey();
    for (int axis = 0; axis < 2; axis++) {
      double[] expected = expected(dtype, bits, axis, Summand.SQUARE, 3, 100);
      assertThat(expected).contains(Double.POSITIVE_INFINITY).doesNotContain(Double.NaN);
      try (Backend backend = open()) {
        Weights weights = tensor(dtype, bits, true, 3, 100);
        assertThat(backend.sliceSums(weights, axis, Summand.SQUARE, execution(2, 4096, false)))
            .isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theFirstNanOfTheWholeTensorIsNamed(DType dtype) throws IOException {
    for (long[] shape :
        List.of(new long[] {3, 9000}, new long[] {9000, 3}, new long[] {100, 6, 50})) {
      for (int axis = 0; axis < shape.length; axis++) {
        int[] bits = WeightKind.NUMBERS.make(random, dtype, (int) Shape.of(shape).elements());
        int first = random.nextInt(bits.length);
        for (int i = first; i < bits.length; i += 1 + random.nextInt(9000)) {
          bits[i] = dtype.largestKey() + 1 + random.nextInt(100);
        }
        Weights weights = tensor(dtype, bits, random.nextBoolean(), shape);
        int along = axis;
        try (Backend backend = open()) {
          for (int sliceBytes : sliceSizes()) {
            assertThatExceptionOfType(NanWeightsException.class)
                .isThrownBy(
                    () ->
                        backend.sliceSums(
                            weights, along, Summand.MAGNITUDE, execution(3, sliceBytes, false)))
                .satisfies(
                    e -> {
                      assertThat(e.tensor()).isEqualTo("w");
                      assertThat(e.index()).isEqualTo(first);
                      assertThat(e.partlyPruned()).isFalse();
                    });
          }
        }
      }
    }
  }

  @Test
  void aCancelledSumEnds() {
    try (Backend backend = open()) {
      Weights weights = tensor(DType.F32, new int[10_000], false, 100, 100);
      assertThatExceptionOfType(PruningCancelledException.class)
          .isThrownBy(() -> backend.sliceSums(weights, 0, Summand.SQUARE, execution(2, 400, true)));
    }
  }
}
