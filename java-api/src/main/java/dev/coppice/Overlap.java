package dev.coppice;

import java.nio.ByteBuffer;
import java.util.Optional;

/** Whether two tensors share memory. */
final class Overlap {
  /** Java tells the address of direct memory modulo this. */
  private static final int MODULUS = 1 << 30;

  /**
   * Where memory begins.
   *
   * @param space an array of the heap, or the ordinal of a device
   * @param begin in bytes
   */
  record Place(Object space, long begin) {
    /** Compares ordinals by their value, arrays by their identity. */
    boolean sharesSpace(Place other) {
      return space == other.space || (space instanceof Integer && space.equals(other.space));
    }
  }

  private Overlap() {}

  static boolean of(Tensor.Memory one, long oneBytes, Tensor.Memory two, long twoBytes) {
    if (oneBytes == 0 || twoBytes == 0) {
      return false;
    }
    Optional<Place> a = one.place();
    Optional<Place> b = two.place();
    if (a.isPresent() && b.isPresent()) {
      return a.get().sharesSpace(b.get())
          && a.get().begin < b.get().begin + twoBytes
          && b.get().begin < a.get().begin + oneBytes;
    }
    return a.isEmpty()
        && b.isEmpty()
        && (beginsWithin(one, oneBytes, two, false) || beginsWithin(two, twoBytes, one, true));
  }

  /** Whether direct memory begins within other direct memory; one of them is written to. */
  private static boolean beginsWithin(
      Tensor.Memory outer, long bytes, Tensor.Memory inner, boolean writesOuter) {
    ByteBuffer first = inner.view(0, 1).orElseThrow();
    int begin = outer.view(0, 1).orElseThrow().alignmentOffset(0, MODULUS);
    long at = Math.floorMod(first.alignmentOffset(0, MODULUS) - begin, MODULUS);
    for (; at < bytes; at += MODULUS) {
      ByteBuffer within = outer.view(at, 1).orElseThrow();
      if (writesOuter ? isSame(first, within) : isSame(within, first)) {
        return true;
      }
    }
    return false;
  }

  /** Whether a byte that is written in the second place is read in the first; it is put back. */
  private static boolean isSame(ByteBuffer read, ByteBuffer written) {
    byte before = written.get(0);
    if (read.get(0) != before) {
      return false;
    }
    written.put(0, (byte) ~before);
    boolean same = read.get(0) != before;
    written.put(0, before);
    return same;
  }
}
