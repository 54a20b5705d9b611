package dev.coppice.spi;

import dev.coppice.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongFunction;

/**
 * A sequence of regions in the order of positions, made when asked for: a model has more of them
 * than one wants to keep.
 *
 * @param count how many there are
 * @param at gives the region of an index below it
 */
public record Regions(long count, LongFunction<Region> at) {
  /** Strided slices are larger by this factor: their runs are what the disk and the memory see. */
  private static final int STRIDED = 16;

  /** Cuts a whole tensor into contiguous slices of at most {@code sliceBytes}. */
  public static Regions of(Weights weights, int sliceBytes) {
    return range(weights, 0, weights.shape().elements(), sliceBytes);
  }

  /** Cuts the elements [from, to) of a tensor into contiguous slices. */
  private static Regions range(Weights weights, long from, long to, int sliceBytes) {
    int most = sliceBytes / weights.dtype().bytes();
    return new Regions(
        ceilDiv(to - from, most),
        i -> {
          long first = from + i * most;
          return Region.contiguous(weights, first, (int) Math.min(most, to - first));
        });
  }

  /**
   * Cuts a tensor into slices of whole groups of {@code m} weights along its reduction axis, which
   * m divides. A slice is one run of at most {@code sliceBytes}; where the m indices of a group
   * span more than that, it is m runs, the same stretch of each index, at most 16 times {@code
   * sliceBytes} in all (one weight of each index at least).
   */
  public static Regions ofGroups(Weights weights, int m, int sliceBytes) {
    long inner = weights.shape().after(weights.axes().reduction());
    long block = m * inner;
    long blocks = weights.shape().elements() / block;
    long most = sliceBytes / weights.dtype().bytes();
    if (block <= most) {
      long each = most / block;
      return new Regions(
          ceilDiv(blocks, each),
          i ->
              Region.contiguous(
                  weights, i * each * block, (int) (Math.min(each, blocks - i * each) * block)));
    }
    long width = Math.max(1, most * STRIDED / m);
    long strips = ceilDiv(inner, width);
    return new Regions(
        blocks * strips,
        i -> {
          long from = i % strips * width;
          int length = (int) Math.min(width, inner - from);
          return new Region(weights, i / strips * block + from, m, length, inner);
        });
  }

  /**
   * Cuts a tensor into slices of whole rows: the elements that share an index of the output axis. A
   * row must fit {@code sliceBytes}. A slice of rows that are contiguous is one run of at most as
   * much; otherwise a run for each index before the axis, at most 16 times as much in all.
   */
  public static Regions ofRows(Weights weights, int sliceBytes) {
    Shape shape = weights.shape();
    int axis = weights.axes().output();
    long rows = shape.dimension(axis);
    int outer = (int) shape.before(axis);
    long inner = shape.after(axis);
    long most = sliceBytes / weights.dtype().bytes() * (outer == 1 ? 1L : STRIDED);
    long each = Math.max(1, most / (outer * inner));
    return new Regions(
        ceilDiv(rows, each),
        i -> {
          long from = i * each;
          int length = (int) (Math.min(each, rows - from) * inner);
          return new Region(weights, from * inner, outer, length, rows * inner);
        });
  }

  /**
   * Cuts the elements that share index {@code row} of the output axis, a row that is larger than a
   * slice.
   */
  public static Regions ofRow(Weights weights, long row, int sliceBytes) {
    int axis = weights.axes().output();
    long outer = weights.shape().before(axis);
    long inner = weights.shape().after(axis);
    long stride = weights.shape().dimension(axis) * inner;
    int most = sliceBytes / weights.dtype().bytes();
    if (outer == 1 || inner >= most) {
      List<Regions> runs = new ArrayList<>();
      for (long o = 0; o < outer; o++) {
        long first = o * stride + row * inner;
        runs.add(range(weights, first, first + inner, sliceBytes));
      }
      return concat(runs);
    }
    long runsEach = most / inner;
    return new Regions(
        ceilDiv(outer, runsEach),
        i -> {
          long o = i * runsEach;
          int runs = (int) Math.min(runsEach, outer - o);
          return new Region(weights, o * stride + row * inner, runs, (int) inner, stride);
        });
  }

  /** Puts sequences one after the other. */
  public static Regions concat(List<Regions> parts) {
    if (parts.size() == 1) {
      return parts.get(0);
    }
    long[] ends = new long[parts.size()];
    long sum = 0;
    for (int i = 0; i < ends.length; i++) {
      sum += parts.get(i).count;
      ends[i] = sum;
    }
    return new Regions(
        sum,
        i -> {
          int found = Arrays.binarySearch(ends, i + 1);
          int part = found < 0 ? -found - 1 : firstOf(ends, found);
          return parts.get(part).at.apply(i - (part == 0 ? 0 : ends[part - 1]));
        });
  }

  /** Steps back over empty parts, which end where the one before them ends. */
  private static int firstOf(long[] ends, int found) {
    int part = found;
    while (part > 0 && ends[part - 1] == ends[part]) {
      part--;
    }
    return part;
  }

  static long ceilDiv(long a, long b) {
    return (a + b - 1) / b;
  }
}
