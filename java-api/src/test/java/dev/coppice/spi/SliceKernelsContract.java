package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every implementation of {@link SliceKernels} must do, to the bit. Results are compared with
 * those of {@link SliceOracle}; everything is seeded, so a failure shows itself again.
 */
public abstract class SliceKernelsContract extends GoldenMasksContract {
  /** Around the sizes of vectors (up to 64), blocks (256) and pages (4096); 5003 is a prime. */
  private static final int[] SIZES = {
    0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 4095, 4096, 4097, 5003
  };

  private static final List<WeightKind> KINDS = List.of(WeightKind.values());
  private static final List<Ranking> RANKINGS =
      List.of(
          new Ranking.Magnitude(),
          new Ranking.Philox(0x0123_4567_89AB_CDEFL, 1),
          new Ranking.Philox(-3, 0x8000_0000_FFFF_FFFFL));

  private final SplittableRandom random = new SplittableRandom(2026);
  private final GuardedMemory memory = new GuardedMemory();
  private final Tally tally = new Tally();

  @ParameterizedTest
  @EnumSource
  void aHistogramAddsTheKeysOfItsWindow(DType dtype) {
    int[] before = earlierCounts(Window.MOST_BINS);
    Histogram histogram = new Histogram();
    histogram.clear(before.length);
    forEachCase(
        dtype,
        c -> {
          SliceOracle oracle = new SliceOracle(c);
          for (int i = 0; i < 4; i++) {
            checkHistogram(c, oracle, window(c, oracle), before, histogram);
          }
        });
  }

  /** Gives what counters hold before: they are unsigned, and some are about to pass 2^31. */
  private static int[] earlierCounts(int bins) {
    return IntStream.range(0, bins).map(i -> 0x7FFF_FFFF - i % 5).toArray();
  }

  private void checkHistogram(
      SliceCase c, SliceOracle oracle, Window window, int[] before, Histogram histogram) {
    int[] bins = before.clone();
    long[] belowAndNans = {1000, 2000};
    long firstNan = oracle.histogram(window, bins, belowAndNans);

    histogram.counts().put(0, before);
    histogram.below = 1000;
    histogram.nans = 2000;
    long actual = kernels().histogram(lend(c), window, histogram);

    assertThat(histogram.counts().mismatch(IntBuffer.wrap(bins)))
        .as("the first bin that differs, %s in %s", c, window)
        .isEqualTo(-1);
    assertThat(new long[] {histogram.below, histogram.nans, actual})
        .as("below, NaN and the first NaN, %s in %s", c, window)
        .containsExactly(belowAndNans[0], belowAndNans[1], firstNan);
    memory.assertHolds(c, c.bits, "histogram only reads");
  }

  @ParameterizedTest
  @EnumSource
  void applyPrunesWhatIsBelowTheThresholdAndTheLastOfTheTies(DType dtype) {
    forEachCase(
        dtype,
        c -> {
          SliceOracle oracle = new SliceOracle(c);
          for (long threshold : thresholds(c, oracle)) {
            long equals = oracle.withKey(threshold);
            for (long ties : new long[] {0, 1, equals / 2, equals, Long.MAX_VALUE}) {
              kernels().apply(lend(c), threshold, ties, spoiled());
              check(
                  c, oracle.apply(threshold, ties), "apply %d, %d ties".formatted(threshold, ties));
            }
          }
        });
  }

  @ParameterizedTest
  @EnumSource
  void nOfMKeepsTheLastOfEveryGroup(DType dtype) {
    for (int m = 2; m <= 8; m++) {
      for (int n = 1; n < m; n++) {
        selectNofM(dtype, n, m);
      }
    }
    selectNofM(dtype, 1, 32);
    selectNofM(dtype, 16, 32);
    selectNofM(dtype, 31, 32);
  }

  private void selectNofM(DType dtype, int n, int m) {
    for (int inner : new int[] {1, 2, 3, 7, 64}) {
      int group = m * inner;
      for (int groups : new int[] {0, 1, 2, 1 + random.nextInt(9), Math.max(1, 1100 / group)}) {
        SliceCase c = anyCase(dtype, groups * group);
        SliceOracle oracle = new SliceOracle(c);
        for (NanPolicy nan : NanPolicy.values()) {
          kernels().selectNofM(lend(c), n, m, inner, nan, spoiled());
          check(
              c,
              oracle.selectNofM(n, m, inner, nan),
              "%d:%d, inner %d, %s".formatted(n, m, inner, nan));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void everyOrderOfFourWeightsIsDecidedAsSpecified(DType dtype) {
    int[] values = {0, 1, dtype.largestKey() - 1, dtype.largestKey(), dtype.largestKey() + 1};
    int groups = 5 * 5 * 5 * 5;
    int[] bits = new int[4 * groups];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = values[i / 4 / new int[] {1, 5, 25, 125}[i % 4] % 5];
    }
    SliceCase c = SliceCase.contiguous(dtype, new Ranking.Magnitude(), bits, 0);
    SliceOracle oracle = new SliceOracle(c);
    for (int n = 1; n < 4; n++) {
      for (NanPolicy nan : NanPolicy.values()) {
        kernels().selectNofM(lend(c), n, 4, 1, nan, spoiled());
        check(c, oracle.selectNofM(n, 4, 1, nan), "%d:4, %s".formatted(n, nan));
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void rowsLoseTheFirstOfTheirOrder(DType dtype) {
    int[][] shapes = {
      {1, 1, 1}, {1, 1, 2}, {1, 1, 33}, {1, 1, 257}, {1, 1, 5003}, {1, 2, 4097}, {1, 300, 1},
      {1, 5, 64}, {1, 33, 31}, {2, 31, 32}, {3, 1, 7}, {3, 5, 7}, {257, 2, 1}, {255, 1, 1},
      {64, 3, 3}, {17, 9, 17}, {1, 0, 5}, {1, 3, 0}, {0, 3, 1}
    };
    for (int[] s : shapes) {
      for (int i = 0; i < 12; i++) {
        SliceCase c = anyCase(dtype, s[0] * s[1] * s[2]);
        for (Amount amount : amounts(new SliceOracle(c), s[0] * s[2])) {
          checkRows(c, s[0], s[1], s[2], amount);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aLongRowLosesTheFirstOfItsOrder(DType dtype) {
    for (Ranking ranking : RANKINGS) {
      for (WeightKind kind : List.of(WeightKind.NUMBERS, WeightKind.TIES, WeightKind.ONE_NAN)) {
        SliceCase c = SliceCase.random(random, kind, dtype, ranking, 70_001);
        checkRows(c, 1, 1, 70_001, new Amount.Fraction(0.5));
      }
    }
  }

  private void checkRows(SliceCase c, int outer, int rows, int inner, Amount amount) {
    SliceOracle oracle = new SliceOracle(c);
    for (NanPolicy nan : NanPolicy.values()) {
      kernels().selectRows(lend(c), outer, rows, inner, amount, nan, spoiled());

      check(
          c,
          oracle.selectRows(rows, inner, amount, nan),
          "rows [%d, %d, %d], %s, %s".formatted(outer, rows, inner, amount, nan));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aCountAboveWhatARowHasBesidesItsNanIsRefused(DType dtype) {
    for (Ranking ranking : RANKINGS) {
      int[] bits = {1, dtype.largestKey() + 1, 2, 3};
      SliceCase c = SliceCase.contiguous(dtype, ranking, bits, 0);
      checkRows(c, 1, 1, 4, new Amount.Count(3));
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  kernels()
                      .selectRows(lend(c), 1, 1, 4, new Amount.Count(4), NanPolicy.KEEP, spoiled()))
          .withMessageContaining("3 weights");
    }
  }

  @ParameterizedTest
  @EnumSource
  void bytesNeedNoAlignment(DType dtype) {
    for (Ranking ranking : RANKINGS) {
      SliceCase c = SliceCase.random(random, WeightKind.ANY_BITS, dtype, ranking, 4096);
      SliceOracle oracle = new SliceOracle(c);
      long threshold = oracle.key(17);
      for (int offset = 1; offset < 4; offset++) {
        kernels().apply(memory.lend(c, offset), threshold, 0, spoiled());
        check(c, oracle.apply(threshold, 0), "apply, %d bytes off".formatted(offset));
        kernels().selectNofM(memory.lend(c, offset), 2, 4, 1, NanPolicy.KEEP, spoiled());
        check(c, oracle.selectNofM(2, 4, 1, NanPolicy.KEEP), "2:4, %d bytes off".formatted(offset));
        Amount half = new Amount.Fraction(0.5);
        kernels().selectRows(memory.lend(c, offset), 1, 8, 512, half, NanPolicy.KEEP, spoiled());
        check(
            c,
            oracle.selectRows(8, 512, half, NanPolicy.KEEP),
            "rows, %d bytes off".formatted(offset));
        Histogram histogram = new Histogram();
        Window window = new Window(0, 31, 2);
        long firstNan = kernels().histogram(memory.lend(c, offset), window, histogram);
        long[] belowAndNans = new long[2];
        assertThat(firstNan).isEqualTo(oracle.histogram(window, new int[2], belowAndNans));
        assertThat(histogram.nans).isEqualTo(belowAndNans[1]);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void threadsWorkOnNeighbouringSlicesAtOnce(DType dtype) {
    int slices = 400;
    int size = 101;
    SliceCase c =
        SliceCase.random(random, WeightKind.NUMBERS, dtype, RANKINGS.get(0), slices * size);
    long threshold = new SliceOracle(c).key(0);
    ByteBuffer all = lend(c).data();
    int bytes = size * dtype.bytes();
    IntStream.range(0, slices)
        .parallel()
        .forEach(
            i -> {
              ByteBuffer data = all.slice(i * bytes, bytes).order(ByteOrder.LITTLE_ENDIAN);
              Slice slice = new Slice(data, dtype, c.ranking, 0, 1, size, size);
              kernels().apply(slice, threshold, Long.MAX_VALUE, new Tally());
            });
    memory.assertHolds(c, new SliceOracle(c).apply(threshold, Long.MAX_VALUE).bits, "in parallel");
  }

  @Test
  void aTensorsPartsGiveTheSameRandomKeysAsTheWhole() {
    Ranking ranking = RANKINGS.get(2);
    SliceCase whole = SliceCase.contiguous(DType.BF16, ranking, new int[1000], 0);
    SliceOracle oracle = new SliceOracle(whole);
    Histogram histogram = new Histogram();
    for (int i = 0; i < whole.size(); i++) {
      SliceCase one = SliceCase.contiguous(DType.BF16, ranking, new int[1], i);
      histogram.clear(1);
      kernels().histogram(lend(one), new Window(oracle.key(i), 0, 1), histogram);
      assertThat(histogram.counts().get(0)).as("element %d", i).isEqualTo(1);
    }
  }

  private void forEachCase(DType dtype, Consumer<SliceCase> body) {
    for (int size : SIZES) {
      for (WeightKind kind : KINDS) {
        for (Ranking ranking : RANKINGS) {
          body.accept(SliceCase.random(random, kind, dtype, ranking, size));
        }
      }
    }
  }

  private SliceCase anyCase(DType dtype, int size) {
    WeightKind kind = KINDS.get(random.nextInt(KINDS.size()));
    return SliceCase.random(random, kind, dtype, RANKINGS.get(random.nextInt(3)), size);
  }

  /** Lends a case's elements at an offset of some elements. */
  private Slice lend(SliceCase c) {
    return memory.lend(c, random.nextInt(17) * c.dtype.bytes());
  }

  /** Gives the tally with contents that an operation has to overwrite. */
  private Tally spoiled() {
    tally.pruned = 71;
    tally.newlyZero = 72;
    tally.zeros = 73;
    tally.nans = 74;
    tally.firstNan = 75;
    return tally;
  }

  private void check(SliceCase c, SliceOracle.Outcome expected, String operation) {
    memory.assertHolds(c, expected.bits, operation);
    assertThat(describe(tally))
        .as("the tally of %s, %s", operation, c)
        .isEqualTo(describe(expected.tally));
  }

  private static String describe(Tally tally) {
    return "pruned %d, newly zero %d, zeros %d, NaN %d, first NaN %d"
        .formatted(tally.pruned, tally.newlyZero, tally.zeros, tally.nans, tally.firstNan);
  }

  private Window window(SliceCase c, SliceOracle oracle) {
    long key = anyKey(c, oracle);
    long largest = c.dtype.largestKey();
    Window[] windows = {
      new Window(0, 0, 1 << 15),
      new Window(0, 0, 1 << 16),
      new Window(0, 15, 1 << 16),
      new Window(0, 16, 1 << 15),
      new Window(0, 16, 1 << 16),
      new Window(0, 31, 1),
      new Window(0, 31, 2),
      new Window(key, 0, 1),
      new Window(key, 0, 2),
      new Window(Math.max(0, key - 1), 0, 2),
      new Window(key, 3, 5),
      new Window(key >> 15 << 15, 0, 1 << 15),
      new Window(key >> 16 << 16, 0, 1 << 16),
      new Window(largest, 0, 1),
      new Window(largest - 1, 0, 2),
      new Window(0x7FFF_FFFFL, 0, 1),
      new Window(0x8000_0000L, 15, 1 << 16),
      new Window(0xFFFF_0000L, 0, 1 << 16),
      new Window(0xFFFF_FFFFL, 0, 1),
      new Window(0xFFFF_FFFFL, 31, 1 << 16)
    };
    return windows[random.nextInt(windows.length)];
  }

  private long[] thresholds(SliceCase c, SliceOracle oracle) {
    long key = anyKey(c, oracle);
    long largest = c.dtype.largestKey();
    long most = c.ranking instanceof Ranking.Philox ? 1L << 32 : 0xFFFF_FFFFL;
    long[] rare = {
      1, 0x8000, 0xFFFF, 0x1_0000, largest + 1, 0x7FFF_FFFFL, 0x8000_0000L, 0x8000_0001L, most
    };
    long[] thresholds = {
      0, key, Math.min(key + 1, most), largest, rare[random.nextInt(rare.length)]
    };
    return LongStream.of(thresholds).distinct().toArray();
  }

  private long anyKey(SliceCase c, SliceOracle oracle) {
    return c.size() == 0 ? 12_345 : oracle.key(random.nextInt(c.size()));
  }

  /** Gives amounts that every row can spare, also without its NaN. */
  private List<Amount> amounts(SliceOracle oracle, int rowLength) {
    Amount share =
        new Amount.Fraction(List.of(0.0, 0.5, 1.0, random.nextDouble()).get(random.nextInt(4)));
    Amount count = new Amount.Count(oracle.hasNan() ? 0 : random.nextInt(rowLength + 1));
    return List.of(share, count);
  }
}
