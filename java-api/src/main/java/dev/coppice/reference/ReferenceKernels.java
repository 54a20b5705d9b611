package dev.coppice.reference;

import dev.coppice.Amount;
import dev.coppice.NanPolicy;
import dev.coppice.spi.ChunkedSum;
import dev.coppice.spi.Histogram;
import dev.coppice.spi.Slice;
import dev.coppice.spi.SliceKernels;
import dev.coppice.spi.Summand;
import dev.coppice.spi.Tally;
import dev.coppice.spi.Window;
import java.nio.IntBuffer;

/** SPEC.md's operations on a slice in plain Java: what every other implementation must equal. */
public final class ReferenceKernels implements SliceKernels {
  @Override
  public long histogram(Slice slice, Window window, Histogram histogram) {
    Elements elements = new Elements(slice);
    IntBuffer counts = histogram.counts();
    long firstNan = -1;
    for (int i = 0; i < elements.count(); i++) {
      if (elements.isNan(i)) {
        histogram.nans++;
        firstNan = firstNan < 0 ? i : firstNan;
      } else {
        long distance = elements.key(i) - window.base();
        long bin = distance >> window.shift();
        if (distance < 0) {
          histogram.below++;
        } else if (bin < window.bins()) {
          counts.put((int) bin, counts.get((int) bin) + 1);
        }
      }
    }
    return firstNan;
  }

  @Override
  public void apply(Slice slice, long threshold, long ties, Tally tally) {
    Elements elements = new Elements(slice);
    tally.clear();
    long kept = 0;
    for (int i = 0; i < elements.count(); i++) {
      if (elements.isNan(i)) {
        Elements.nan(i, tally);
      } else {
        long key = elements.key(i);
        elements.settle(i, key < (kept < ties ? threshold : threshold + 1), tally);
        kept += key == threshold ? 1 : 0;
      }
    }
  }

  @Override
  public void selectNofM(Slice slice, int n, int m, int inner, NanPolicy nan, Tally tally) {
    Elements elements = new Elements(slice);
    Group group = new Group(elements, m, tally);
    tally.clear();
    for (int outer = 0; outer < elements.count(); outer += m * inner) {
      for (int first = outer; first < outer + inner; first++) {
        group.clear();
        for (int i = 0; i < m; i++) {
          group.add(first + i * inner);
        }
        group.prune(isLeft(group, nan) ? 0 : Math.min(m - n, group.size()));
      }
    }
  }

  @Override
  public void selectRows(
      Slice slice, int outer, int rows, int inner, Amount amount, NanPolicy nan, Tally tally) {
    Elements elements = new Elements(slice);
    Group group = new Group(elements, outer * inner, tally);
    tally.clear();
    for (int row = 0; row < rows; row++) {
      group.clear();
      for (int o = 0; o < outer; o++) {
        int first = (o * rows + row) * inner;
        for (int i = 0; i < inner; i++) {
          group.add(first + i);
        }
      }
      group.prune(isLeft(group, nan) ? 0 : (int) amount.of(group.size()));
    }
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
    Elements elements = new Elements(slice);
    ChunkedSum sum = new ChunkedSum();
    int next = 0;
    for (int row = 0; row < rows; row++) {
      for (int i = from; i < to; i++) {
        sum.add(summand.of(elements.value((i / inner * rows + row) * inner + i % inner)));
        if ((i + 1 - from) % ChunkedSum.CHUNK == 0 || i + 1 == to) {
          sums[next++] = sum.take();
        }
      }
    }
  }

  private static boolean isLeft(Group group, NanPolicy nan) {
    return nan == NanPolicy.REFUSE && group.hasNan();
  }
}
