package dev.coppice.spi;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import dev.coppice.NanWeightsException;
import java.io.IOException;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Finds a scope's threshold by counting: each pass resolves the part of the key range in which the
 * k-th smallest key is known to lie, until a bin is one key wide. Two passes do for 32-bit keys,
 * one for 16-bit keys.
 */
final class ThresholdSearch {
  /**
   * Tensors of one type whose elements compete; of each group the {@code cap} smallest take part.
   */
  record Group(Regions regions, DType type, long elements, long cap) {}

  private final SliceKernels kernels;
  private final SliceLoop loop;
  private final Execution execution;
  private final KeySpace keys;
  private final NanPolicy nan;
  private final List<Group> groups;

  ThresholdSearch(
      SliceKernels kernels,
      SliceLoop loop,
      Execution execution,
      KeySpace keys,
      NanPolicy nan,
      List<Group> groups) {
    this.kernels = kernels;
    this.loop = loop;
    this.execution = execution;
    this.keys = keys;
    this.nan = nan;
    this.groups = groups;
  }

  /**
   * Finds the threshold that prunes {@code amount} of all elements; the first pass also finds NaN.
   */
  Threshold find(Amount amount) throws IOException {
    long elements = groups.stream().mapToLong(Group::elements).sum();
    long low = 0;
    long high = keys.end();
    Window window = WindowGuess.of(groups, keys, amount, elements).orElse(cover(low, high));
    while (true) {
      Counts counts = count(window);
      long numbers = elements - counts.nans();
      long k = amount.of(numbers);
      if (k == 0) {
        return Threshold.NOTHING;
      }
      if (k == numbers) {
        return everything();
      }
      long before = counts.below();
      if (before >= k) {
        high = window.base();
      } else {
        int bin = 0;
        while (bin < window.bins() && before + counts.bin(bin) < k) {
          before += counts.bin(bin++);
        }
        if (bin == window.bins()) {
          low = window.end();
        } else if (window.shift() == 0) {
          long ties = counts.bin(bin);
          return new Threshold(window.base() + bin, before + ties - k, ties);
        } else {
          low = window.base() + ((long) bin << window.shift());
          high = Math.min(high, low + (1L << window.shift()));
        }
      }
      window = cover(low, high);
      execution.progress().expect(bytes());
    }
  }

  /** Gives a threshold above every number. */
  private Threshold everything() {
    return new Threshold(keys.afterNumbers(), 0, 0);
  }

  /** Counts the keys of all groups within the window. */
  Counts count(Window window) throws IOException {
    Counts sum = new Counts(window);
    for (Group group : groups) {
      sum.add(count(group, window), group.cap());
    }
    return sum;
  }

  /** Counts one group's keys, before its cap. */
  Counts count(Group group, Window window) throws IOException {
    boolean widens = keys.widens(group.type());
    Window own = widens ? new Window(0, 0, group.type().largestKey() + 1) : window;
    Counts counts = new Counts(own);
    Queue<Histogram> lent = new ConcurrentLinkedQueue<>();
    try {
      loop.forEach(
          group.regions(),
          (index, region, slice, worker) -> {
            Histogram histogram = lent.poll();
            if (histogram == null) {
              histogram = execution.borrowHistogram();
              histogram.clear(own.bins());
            }
            add(region, slice, own, histogram, counts);
            lent.add(histogram);
            return false;
          });
      lent.forEach(counts::add);
    } finally {
      lent.forEach(execution::giveBack);
    }
    return widens ? counts.widen(group.type(), window) : counts;
  }

  private void add(Region region, Slice slice, Window window, Histogram histogram, Counts counts) {
    if (histogram.added + slice.elements() > 0xFFFF_FFFFL) {
      counts.add(histogram);
      histogram.clear(window.bins());
    }
    histogram.added += slice.elements();
    long firstNan = kernels.histogram(slice, window, histogram);
    if (firstNan >= 0 && nan == NanPolicy.REFUSE) {
      throw new NanWeightsException(region.weights().name(), slice.index((int) firstNan), false);
    }
  }

  private long bytes() {
    return groups.stream().mapToLong(g -> g.elements() * g.type().bytes()).sum();
  }

  /** Gives the finest window of whole bins that covers the keys [low, high). */
  static Window cover(long low, long high) {
    int shift = 0;
    while (Regions.ceilDiv(high - low, 1L << shift) > Window.MOST_BINS) {
      shift++;
    }
    return new Window(low, shift, (int) Regions.ceilDiv(high - low, 1L << shift));
  }
}
