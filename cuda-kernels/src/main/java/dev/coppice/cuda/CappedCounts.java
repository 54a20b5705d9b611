package dev.coppice.cuda;

import dev.coppice.Amount;
import dev.coppice.InvalidPlanException;
import java.nio.LongBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How many weights each tensor of a global scope loses when no tensor may lose more than a share of
 * it: its smallest elements up to the cap compete with those of the others (SPEC.md, "Which
 * tensors"). Tensors are added in the order of their positions, first with their coarse histograms,
 * then, if that leaves keys open, with the fine ones.
 */
final class CappedCounts {
  /** A tensor's counters that are not zero, and what is known of it. */
  private static final class Tensor {
    private final long cap;

    /** The weights below the open keys. */
    private long below;

    private int[] bins = {};
    private long[] counts = {};

    Tensor(long cap) {
      this.cap = cap;
    }

    void set(LongBuffer all) {
      int[] used = new int[all.capacity()];
      int size = 0;
      for (int bin = 0; bin < used.length; bin++) {
        if (all.get(bin) != 0) {
          used[size++] = bin;
        }
      }
      bins = Arrays.copyOf(used, size);
      counts = Arrays.stream(bins).mapToLong(all::get).toArray();
    }

    /** Adds to {@code sum} the counts that compete. */
    void addTo(long[] sum) {
      long taken = Math.min(below, cap);
      for (int i = 0; i < bins.length; i++) {
        long part = Math.min(counts[i], cap - taken);
        sum[bins[i]] += part;
        taken += part;
      }
    }

    /** Takes what lies below a bin out of what is open. */
    void raise(int bin) {
      for (int i = 0; i < bins.length && bins[i] < bin; i++) {
        below += counts[i];
      }
    }

    long at(int bin) {
      int i = Arrays.binarySearch(bins, bin);
      return i < 0 ? 0 : counts[i];
    }
  }

  private final Amount amount;
  private final double cap;
  private final List<Tensor> tensors = new ArrayList<>();
  private long numbers;
  private int size;
  private long low;
  private long high;

  /** The next tensor that fine counters are added to. */
  private int next;

  CappedCounts(Amount amount, double cap) {
    this.amount = amount;
    this.cap = cap;
  }

  boolean isNarrowed() {
    return high > low;
  }

  /** Gives the first open key; 0 as long as all are. */
  long low() {
    return low;
  }

  /** Gives the key after the last open one; 0 as long as all are open. */
  long high() {
    return high;
  }

  /** Adds a tensor's counters. */
  void add(long numbersOfIt, LongBuffer counters) {
    size = counters.capacity();
    if (!isNarrowed()) {
      tensors.add(new Tensor((long) Math.rint(cap * numbersOfIt)));
      numbers += numbersOfIt;
      tensors.get(tensors.size() - 1).set(counters);
    } else {
      tensors.get(next++).set(counters);
    }
  }

  private long asked() {
    long k = amount.of(numbers);
    long most = tensors.stream().mapToLong(t -> t.cap).sum();
    if (k > most) {
      throw new InvalidPlanException(
          "max_per_tensor %s lets at most %d weights go, fewer than the %d that are asked for"
              .formatted(cap, most, k));
    }
    return k;
  }

  /** Gives the bin in which the last of {@code k} competing weights lies. */
  private int bin(long k) {
    long[] sum = new long[size];
    tensors.forEach(t -> t.addTo(sum));
    long before = tensors.stream().mapToLong(t -> Math.min(t.below, t.cap)).sum();
    int bin = 0;
    while (before + sum[bin] < k) {
      before += sum[bin++];
    }
    return bin;
  }

  /**
   * Leaves the keys of one coarse bin open.
   *
   * @return whether they have to be counted; not if nothing goes
   */
  boolean narrow(int shift) {
    long k = asked();
    if (k == 0) {
      return false;
    }
    int bin = bin(k);
    tensors.forEach(t -> t.raise(bin));
    low = (long) bin << shift;
    high = low + (1L << shift);
    return true;
  }

  /** Gives how many weights each tensor loses: of those that tie, the last tensors' go first. */
  List<Amount> deal() {
    long k = asked();
    Amount[] amounts = new Amount[tensors.size()];
    Arrays.fill(amounts, new Amount.Count(0));
    if (k > 0) {
      int bin = bin(k);
      tensors.forEach(t -> t.raise(bin));
      long ties = k - tensors.stream().mapToLong(t -> Math.min(t.below, t.cap)).sum();
      for (int i = amounts.length - 1; i >= 0; i--) {
        Tensor t = tensors.get(i);
        long sure = Math.min(t.below, t.cap);
        long going = Math.min(ties, Math.min(t.at(bin), t.cap - sure));
        ties -= going;
        amounts[i] = new Amount.Count(sure + going);
      }
    }
    return List.of(amounts);
  }
}
