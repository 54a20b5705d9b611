package dev.coppice.reference;

import dev.coppice.spi.Tally;
import java.util.Arrays;

/**
 * The weights of one scope, a row or an N:M group, in SPEC.md's order; takes eight bytes a weight.
 */
final class Group {
  private final Elements elements;
  private final Tally tally;

  /** The key, from the smallest long up, then how far the position is from the end. */
  private final long[] members;

  private int size;
  private int nans;

  Group(Elements elements, int capacity, Tally tally) {
    this.elements = elements;
    this.members = new long[capacity];
    this.tally = tally;
  }

  void clear() {
    size = 0;
    nans = 0;
  }

  void add(int position) {
    if (elements.isNan(position)) {
      nans++;
      Elements.nan(position, tally);
    } else {
      members[size++] =
          Long.MIN_VALUE + (elements.key(position) << 32) + (Integer.MAX_VALUE - position);
    }
  }

  /** Gives the number of weights that are not NaN. */
  int size() {
    return size;
  }

  boolean hasNan() {
    return nans > 0;
  }

  /** Prunes the first {@code k} of the order and counts the others. */
  void prune(int k) {
    Arrays.sort(members, 0, size);
    for (int i = 0; i < size; i++) {
      elements.settle(position(members[i]), i < k, tally);
    }
  }

  private static int position(long member) {
    return Integer.MAX_VALUE - (int) member;
  }
}
