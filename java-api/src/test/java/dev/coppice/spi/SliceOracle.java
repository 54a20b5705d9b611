package dev.coppice.spi;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import java.util.stream.LongStream;

/**
 * SPEC.md by brute force, for tests: members of a scope are sorted as objects, by their absolute
 * value as a number. It shares no code with any backend.
 */
final class SliceOracle {
  /** What a slice must hold after an operation, and what must be told of it. */
  static final class Outcome {
    final int[] bits;
    final Tally tally = new Tally();

    private Outcome(SliceCase c, boolean[] pruned) {
      bits = new int[c.size()];
      for (int i = c.size() - 1; i >= 0; i--) {
        bits[i] = pruned[i] ? 0 : c.bits[i];
        boolean isZero = number(c.dtype, bits[i]) == 0;
        tally.pruned += pruned[i] ? 1 : 0;
        tally.zeros += isZero ? 1 : 0;
        tally.newlyZero += isZero && number(c.dtype, c.bits[i]) != 0 ? 1 : 0;
        if (Double.isNaN(number(c.dtype, c.bits[i]))) {
          tally.nans++;
          tally.firstNan = i;
        }
      }
    }
  }

  private final SliceCase c;
  private final double[] numbers;
  private final long[] keys;
  private final Comparator<Integer> order;

  SliceOracle(SliceCase c) {
    this.c = c;
    this.numbers = new double[c.size()];
    this.keys = new long[c.size()];
    int i = 0;
    for (int run = 0; run < c.runs; run++) {
      for (int j = 0; j < c.runLength; j++, i++) {
        numbers[i] = number(c.dtype, c.bits[i]);
        keys[i] =
            c.ranking instanceof Ranking.Philox philox
                ? PhiloxOracle.word(philox, c.first + run * c.stride + j)
                : c.bits[i] & (c.dtype == DType.F32 ? 0x7FFF_FFFF : 0x7FFF);
      }
    }
    Comparator<Integer> byScore =
        c.ranking instanceof Ranking.Philox
            ? Comparator.comparingLong(p -> keys[p])
            : Comparator.comparingDouble(p -> Math.abs(numbers[p]));
    this.order = byScore.thenComparing(Comparator.reverseOrder());
  }

  /** Gives the absolute value of a weight, NaN for NaN, from the definition of its type. */
  static double number(DType type, int bits) {
    return switch (type) {
      case F32 -> Math.abs(Float.intBitsToFloat(bits));
      case BF16 -> Math.abs(Float.intBitsToFloat(bits << 16));
      case F16 -> {
        int exponent = bits >> 10 & 31;
        double fraction = (bits & 1023) / 1024.0;
        if (exponent == 31) {
          yield fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
        }
        yield exponent == 0 ? Math.scalb(fraction, -14) : Math.scalb(1 + fraction, exponent - 15);
      }
    };
  }

  boolean isNan(int position) {
    return Double.isNaN(numbers[position]);
  }

  boolean hasNan() {
    return Arrays.stream(numbers).anyMatch(Double::isNaN);
  }

  long key(int position) {
    return keys[position];
  }

  /** Gives how many weights have {@code key}. */
  long withKey(long key) {
    return LongStream.of(keys).filter(k -> k == key).count();
  }

  /**
   * Adds to {@code bins} and to {@code belowAndNans} what a histogram must, and gives its result.
   */
  long histogram(Window window, int[] bins, long[] belowAndNans) {
    long firstNan = -1;
    for (int i = c.size() - 1; i >= 0; i--) {
      if (isNan(i)) {
        belowAndNans[1]++;
        firstNan = i;
      } else if (keys[i] < window.base()) {
        belowAndNans[0]++;
      } else if (keys[i] < window.end()) {
        bins[(int) ((keys[i] - window.base()) / (1L << window.shift()))]++;
      }
    }
    return firstNan;
  }

  Outcome apply(long threshold, long ties) {
    boolean[] pruned = new boolean[c.size()];
    long equals = 0;
    for (int i = 0; i < c.size(); i++) {
      if (!isNan(i) && keys[i] == threshold) {
        equals++;
        pruned[i] = equals > ties;
      } else {
        pruned[i] = !isNan(i) && keys[i] < threshold;
      }
    }
    return new Outcome(c, pruned);
  }

  Outcome selectNofM(int n, int m, int inner, NanPolicy nan) {
    boolean[] pruned = new boolean[c.size()];
    for (List<Integer> group : groups(i -> i / (m * inner) * inner + i % inner)) {
      List<Integer> ranked = ranked(group);
      int kept = group.size() - ranked.size();
      boolean isLeft = nan == NanPolicy.REFUSE && kept > 0;
      for (int i = ranked.size() - 1; i >= 0; i--) {
        pruned[ranked.get(i)] = !isLeft && kept >= n;
        kept++;
      }
    }
    return new Outcome(c, pruned);
  }

  Outcome selectRows(int rows, int inner, Amount amount, NanPolicy nan) {
    boolean[] pruned = new boolean[c.size()];
    for (List<Integer> row : groups(i -> i / inner % rows)) {
      List<Integer> ranked = ranked(row);
      if (nan == NanPolicy.KEEP || ranked.size() == row.size()) {
        for (int position : ranked.subList(0, (int) amount.of(ranked.size()))) {
          pruned[position] = true;
        }
      }
    }
    return new Outcome(c, pruned);
  }

  private Collection<List<Integer>> groups(IntUnaryOperator groupOf) {
    Map<Integer, List<Integer>> groups = new TreeMap<>();
    for (int i = 0; i < c.size(); i++) {
      groups.computeIfAbsent(groupOf.applyAsInt(i), g -> new ArrayList<>()).add(i);
    }
    return groups.values();
  }

  /** Gives the members that are not NaN, those that go first first. */
  private List<Integer> ranked(List<Integer> members) {
    return members.stream().filter(p -> !isNan(p)).sorted(order).toList();
  }
}
