package dev.coppice.graph;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Sizes of axes, and integers computed from them: numbers, or symbols that stand for a size which
 * only an input decides. A symbol is a number far below every other, so that both fit a long. The
 * same computation on the same sizes gives the same symbol.
 */
final class Dim {
  private static final long SYMBOLS = Long.MIN_VALUE / 2;

  private final Map<List<Object>, Long> symbols = new HashMap<>();

  /** Whether a size is decided by an input only. */
  static boolean isSymbol(long dim) {
    return dim < SYMBOLS;
  }

  /**
   * Gives a number of a file as one that is no symbol: those that far below zero mean "the end".
   */
  static long number(long stored) {
    return Math.max(stored, SYMBOLS);
  }

  /** Whether a size is a number. */
  static boolean isKnown(long dim) {
    return !isSymbol(dim);
  }

  /** Gives the symbol for what is computed as {@code key} says. */
  long symbol(Object... key) {
    return symbols.computeIfAbsent(List.of(key), absent -> Long.MIN_VALUE + 1 + symbols.size());
  }

  /** Gives a symbol that equals no other. */
  long unknown() {
    return symbol("unknown", symbols.size());
  }

  long add(long a, long b) {
    if (isKnown(a) && isKnown(b)) {
      return a + b;
    }
    return a == 0 ? b : b == 0 ? a : symbol("+", Math.min(a, b), Math.max(a, b));
  }

  long subtract(long a, long b) {
    if (isKnown(a) && isKnown(b)) {
      return a - b;
    }
    return b == 0 ? a : a == b ? 0 : symbol("-", a, b);
  }

  long multiply(long a, long b) {
    if (isKnown(a) && isKnown(b)) {
      return a * b;
    }
    return a == 1 ? b : b == 1 ? a : symbol("*", Math.min(a, b), Math.max(a, b));
  }

  long divide(long a, long b) {
    if (isKnown(a) && isKnown(b)) {
      return b == 0 ? unknown() : a / b;
    }
    return b == 1 ? a : a == b ? 1 : symbol("/", a, b);
  }

  /** Gives what {@code whole} divided by {@code parts} is, where those are products of sizes. */
  long quotient(long[] whole, List<Long> parts) {
    long known = 1;
    Map<Long, Integer> left = new HashMap<>();
    for (long dim : whole) {
      if (isKnown(dim)) {
        known *= dim;
      } else {
        left.merge(dim, 1, Integer::sum);
      }
    }
    long divisor = 1;
    for (long dim : parts) {
      if (isKnown(dim)) {
        divisor *= dim;
      } else {
        left.merge(dim, -1, Integer::sum);
      }
    }
    left.values().removeIf(count -> count == 0);
    if (left.isEmpty()) {
      return divisor == 0 || known % divisor != 0 ? unknown() : known / divisor;
    }
    if (left.size() == 1 && left.containsValue(1) && known == divisor) {
      return left.keySet().iterator().next();
    }
    long[] factors = left.keySet().stream().mapToLong(Long::longValue).sorted().toArray();
    List<Integer> powers = Arrays.stream(factors).mapToObj(left::get).toList();
    return symbol("quotient", Arrays.stream(factors).boxed().toList(), powers, known, divisor);
  }

  /** Gives the size of an axis that two sizes are broadcast to. */
  long broadcast(long a, long b) {
    if (a == b || b == 1) {
      return a;
    }
    if (a == 1) {
      return b;
    }
    if (isKnown(a) != isKnown(b)) {
      return isKnown(a) ? a : b;
    }
    return isKnown(a) ? unknown() : symbol("broadcast", Math.min(a, b), Math.max(a, b));
  }

  /** Gives what is left of an axis when a window moves over it. */
  long windows(long size, long kernel, long pads, long stride, boolean roundUp) {
    if (isKnown(size)) {
      long room = size + pads - kernel;
      return (roundUp ? Math.floorDiv(room + stride - 1, stride) : Math.floorDiv(room, stride)) + 1;
    }
    if (stride == 1 && pads == kernel - 1) {
      return size;
    }
    return symbol("windows", size, pads - kernel, stride, roundUp);
  }
}
