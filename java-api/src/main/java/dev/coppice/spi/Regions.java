package dev.coppice.spi;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongFunction;

/**
 * A sequence of regions in the order of positions, made when asked for: a model has more of them
 * than one wants to keep.
 */
record Regions(long count, LongFunction<Region> at) {

  /** Cuts a whole tensor into contiguous slices of {@code sliceBytes}. */
  static Regions of(Weights weights, int sliceBytes) {
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
   * Cuts the elements that share index {@code row} of the output axis, a row that is larger than a
   * slice.
   */
  static Regions ofRow(Weights weights, long row, int sliceBytes) {
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
  static Regions concat(List<Regions> parts) {
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
