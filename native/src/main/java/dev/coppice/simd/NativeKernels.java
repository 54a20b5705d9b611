package dev.coppice.simd;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import dev.coppice.spi.Histogram;
import dev.coppice.spi.Ranking;
import dev.coppice.spi.Slice;
import dev.coppice.spi.SliceKernels;
import dev.coppice.spi.Summand;
import dev.coppice.spi.Tally;
import dev.coppice.spi.Window;
import java.nio.ByteBuffer;

/** The operations on a slice in C++, for the vectors of this machine's processor. */
final class NativeKernels implements SliceKernels {
  private static final int CENSUS_FIELDS = 3;
  private static final int TALLY_FIELDS = 5;

  private final ThreadLocal<ByteBuffer> scratch =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(0));

  @Override
  public long histogram(Slice slice, Window window, Histogram histogram) {
    long[] census = new long[CENSUS_FIELDS];
    CoppiceNative.coppice_histogram(
        slice.data(),
        describe(slice),
        new long[] {window.base(), window.shift(), window.bins()},
        histogram.counts(),
        census);
    histogram.below += census[0];
    histogram.nans += census[1];
    return census[2];
  }

  @Override
  public void apply(Slice slice, long threshold, long ties, Tally tally) {
    long[] counted = new long[TALLY_FIELDS];
    CoppiceNative.coppice_apply(slice.data(), describe(slice), threshold, ties, counted);
    fill(tally, counted);
  }

  @Override
  public void selectNofM(Slice slice, int n, int m, int inner, NanPolicy nan, Tally tally) {
    long[] description = describe(slice);
    long[] counted = new long[TALLY_FIELDS];
    CoppiceNative.coppice_select_n_of_m(
        slice.data(), description, n, m, inner, keep(nan), scratch(description), counted);
    fill(tally, counted);
  }

  @Override
  public void selectRows(
      Slice slice, int outer, int rows, int inner, Amount amount, NanPolicy nan, Tally tally) {
    double fraction = amount instanceof Amount.Fraction share ? share.value() : -1;
    long count = amount instanceof Amount.Count number ? number.value() : -1;
    long[] description = describe(slice);
    long[] counted = new long[TALLY_FIELDS];
    long tooFew =
        CoppiceNative.coppice_select_rows(
            slice.data(),
            description,
            outer,
            rows,
            inner,
            fraction,
            count,
            keep(nan),
            scratch(description),
            counted);
    if (tooFew >= 0) {
      long refused = amount.of(tooFew); // Throws what every backend throws.
      throw new IllegalStateException("refused a count of " + refused);
    }
    fill(tally, counted);
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
    int squares = summand == Summand.SQUARE ? 1 : 0;
    CoppiceNative.coppice_slice_sums(
        slice.data(), describe(slice), rows, inner, from, to, squares, sums);
  }

  private ByteBuffer scratch(long[] description) {
    ByteBuffer buffer = scratch.get();
    int bytes = Math.toIntExact(CoppiceNative.coppice_scratch_bytes(description));
    if (buffer.capacity() < bytes) {
      buffer = ByteBuffer.allocateDirect(bytes);
      scratch.set(buffer);
    }
    return buffer;
  }

  private static long[] describe(Slice slice) {
    boolean random = slice.ranking() instanceof Ranking.Philox;
    return new long[] {
      number(slice.dtype()),
      random ? 1 : 0,
      slice.ranking() instanceof Ranking.Philox philox ? philox.seed() : 0,
      slice.ranking() instanceof Ranking.Philox philox ? philox.tensor() : 0,
      slice.first(),
      slice.runs(),
      slice.runLength(),
      slice.stride()
    };
  }

  static int number(DType dtype) {
    return switch (dtype) {
      case F32 -> 0;
      case F16 -> 1;
      case BF16 -> 2;
    };
  }

  private static int keep(NanPolicy nan) {
    return nan == NanPolicy.KEEP ? 1 : 0;
  }

  private static void fill(Tally tally, long[] counted) {
    tally.pruned = counted[0];
    tally.newlyZero = counted[1];
    tally.zeros = counted[2];
    tally.nans = counted[3];
    tally.firstNan = counted[4];
  }
}
