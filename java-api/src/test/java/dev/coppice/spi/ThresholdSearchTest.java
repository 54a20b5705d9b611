package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Amount;
import dev.coppice.Axes;
import dev.coppice.Criterion;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import dev.coppice.Pattern;
import dev.coppice.ProgressListener;
import dev.coppice.Scope;
import dev.coppice.Shape;
import dev.coppice.reference.ReferenceKernels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * How many passes a threshold takes: one for every 16 bits of the keys, where a good guess of the
 * first window does not save one; a wrong guess costs one and changes nothing.
 */
class ThresholdSearchTest {
  private static final int N = 1 << 20;
  private static final WorkPool POOL = new WorkPool(2);

  /** The reference kernels, counting the elements whose keys are counted. */
  private static final class CountingKernels implements SliceKernels {
    private final SliceKernels reference = new ReferenceKernels();
    private final LongAdder searched = new LongAdder();

    @Override
    public long histogram(Slice slice, Window window, Histogram histogram) {
      searched.add(slice.elements());
      return reference.histogram(slice, window, histogram);
    }

    @Override
    public void apply(Slice slice, long threshold, long ties, Tally tally) {
      reference.apply(slice, threshold, ties, tally);
    }

    @Override
    public void selectNofM(Slice slice, int n, int m, int inner, NanPolicy nan, Tally tally) {
      throw new AssertionError("not an operation of a threshold search");
    }

    @Override
    public void selectRows(
        Slice slice, int outer, int rows, int inner, Amount amount, NanPolicy nan, Tally tally) {
      throw new AssertionError("not an operation of a threshold search");
    }

    @Override
    public void sliceSums(
        Slice slice,
        int outer,
        int rows,
        int inner,
        int from,
        int to,
        Summand summand,
        double[] sums) {
      throw new AssertionError("not an operation of a threshold search");
    }
  }

  /** Weights in memory that know where they were sampled. */
  private record Memory(String name, DType dtype, ByteBuffer data, List<int[]> sampled)
      implements Weights {
    static Memory of(DType dtype, IntToDoubleFunction value) {
      ByteBuffer data = ByteBuffer.allocateDirect(N * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
      Memory memory = new Memory("w", dtype, data, new ArrayList<>());
      for (int i = 0; i < N; i++) {
        memory.set(i, value.applyAsDouble(i));
      }
      return memory;
    }

    Memory named(String other) {
      return new Memory(other, dtype, data, sampled);
    }

    /** Sets a weight; F16 is written as BF16 would be, which is as good a number here. */
    void set(int i, double value) {
      int bits = Float.floatToRawIntBits((float) value);
      if (dtype == DType.F32) {
        data.putInt(4 * i, bits);
      } else {
        data.putShort(2 * i, (short) (bits >>> 16));
      }
    }

    int key(int i) {
      return dtype == DType.F32 ? data.getInt(4 * i) & 0x7FFF_FFFF : data.getShort(2 * i) & 0x7FFF;
    }

    @Override
    public Shape shape() {
      return Shape.of(N);
    }

    @Override
    public Axes axes() {
      return new Axes(0, 0);
    }

    @Override
    public Optional<ByteBuffer> view(long first, int count) {
      return Optional.of(
          data.slice((int) first * dtype.bytes(), count * dtype.bytes())
              .order(ByteOrder.LITTLE_ENDIAN));
    }

    /** Only a sample is read: the passes go through {@link #view}. */
    @Override
    public void read(long first, ByteBuffer into) {
      sampled.add(new int[] {(int) first, into.remaining() / dtype.bytes()});
      into.put(data.slice((int) first * dtype.bytes(), into.remaining()));
    }

    @Override
    public void write(long first, ByteBuffer from) {
      throw new AssertionError("weights in memory are changed in place");
    }
  }

  @ParameterizedTest
  @EnumSource
  void gaussianWeightsTakeOnePassForEvery16BitsOfTheirType(DType dtype) throws IOException {
    for (double sparsity : new double[] {0.1, 0.5, 0.9}) {
      SplittableRandom random = new SplittableRandom(1);
      Memory weights = Memory.of(dtype, i -> random.nextGaussian() * 0.02);
      assertThat(passes(sparsity, weights))
          .as("passes at %s", sparsity)
          .isEqualTo(dtype.bytes() / 2);
    }
  }

  @ParameterizedTest
  @EnumSource
  void weightsThatAreAllEqualOrHalfZeroTakeOnePass(DType dtype) throws IOException {
    assertThat(passes(0.5, Memory.of(dtype, i -> 0.25))).isEqualTo(1);
    assertThat(passes(0.3, Memory.of(dtype, i -> i % 2 == 0 ? 0 : i))).isEqualTo(1);
  }

  @ParameterizedTest
  @EnumSource
  void aSampleThatMisleadsCostsPassesAndNothingElse(DType dtype) throws IOException {
    for (double lie : new double[] {0, 1e6}) {
      SplittableRandom random = new SplittableRandom(2);
      Memory weights = Memory.of(dtype, i -> random.nextGaussian());
      passes(0, weights);
      assertThat(weights.sampled()).as("places that were sampled").isNotEmpty();
      for (int[] place : weights.sampled()) {
        for (int i = place[0]; i < place[0] + place[1]; i++) {
          weights.set(i, lie);
        }
      }
      long most = dtype.bytes() == 4 ? 3 : 2;
      assertThat(passes(0.6, weights)).as("passes with samples of %s", lie).isBetween(2L, most);
    }
  }

  @ParameterizedTest
  @EnumSource
  void numbersOfAllSizesTakeABoundedNumberOfPasses(DType dtype) throws IOException {
    SplittableRandom random = new SplittableRandom(3);
    Memory weights = Memory.of(dtype, i -> Float.intBitsToFloat(random.nextInt(0x7C00_0000)));
    assertThat(passes(0.5, weights)).isLessThanOrEqualTo(dtype.bytes() == 4 ? 3L : 1L);
  }

  @Test
  void randomKeysTakeTwoPasses() throws IOException {
    CountingKernels kernels = new CountingKernels();
    prune(kernels, new Criterion.Random(), 0.5, List.of(Memory.of(DType.BF16, i -> i)));
    assertThat(kernels.searched.sum()).isBetween(2L * N, 3L * N - 1);
  }

  @Test
  void typesThatCompeteTakeTwoPasses() throws IOException {
    CountingKernels kernels = new CountingKernels();
    SplittableRandom random = new SplittableRandom(4);
    Memory narrow = Memory.of(DType.BF16, i -> random.nextGaussian()).named("a");
    Memory wide = Memory.of(DType.F32, i -> random.nextGaussian()).named("b");
    prune(kernels, new Criterion.Magnitude(), 0.5, List.of(narrow, wide));
    assertThat(kernels.searched.sum()).isBetween(4L * N, 6L * N - 1);
  }

  /**
   * Prunes, checks the outcome against a sort, and gives the number of passes of the search. Slices
   * whose ties are counted make up less than one.
   */
  private static long passes(double sparsity, Memory weights) throws IOException {
    long[] order = new long[N];
    for (int i = 0; i < N; i++) {
      order[i] = (long) weights.key(i) << 32 | (N - 1 - i);
    }
    Arrays.sort(order);
    CountingKernels kernels = new CountingKernels();
    prune(kernels, new Criterion.Magnitude(), sparsity, List.of(weights));
    int k = (int) Math.rint(sparsity * N);
    for (int rank = 0; rank < N; rank++) {
      int expected = rank < k ? 0 : (int) (order[rank] >>> 32);
      if (weights.key(N - 1 - (int) order[rank]) != expected) {
        assertThat(weights.key(N - 1 - (int) order[rank])).as("rank %d", rank).isEqualTo(expected);
      }
    }
    return kernels.searched.sum() / N;
  }

  private static void prune(
      CountingKernels kernels,
      Criterion criterion,
      double sparsity,
      List<? extends Weights> weights)
      throws IOException {
    Pattern pattern = new Pattern.Unstructured(Scope.GLOBAL, new Amount.Fraction(sparsity));
    PruneTask task = new PruneTask(List.copyOf(weights), criterion, pattern, NanPolicy.REFUSE, 0);
    try (SlicedBackend backend = new SlicedBackend("counting", kernels)) {
      backend.prune(task, new Execution(POOL, 2, 1 << 16, () -> false, ProgressListener.NONE));
    }
  }
}
