package dev.coppice.reference;

import dev.coppice.spi.Philox;
import dev.coppice.spi.Ranking;
import dev.coppice.spi.Slice;
import dev.coppice.spi.Tally;
import java.nio.ByteBuffer;

/** The elements of one slice by their position in it; belongs to one thread. */
final class Elements {
  private final Slice slice;
  private final ByteBuffer data;
  private final boolean wide;
  private final int magnitudeMask;
  private final int largestKey;
  private final boolean random;
  private final long seed;
  private final long tensor;
  private long block = -1;
  private int[] words = {};

  Elements(Slice slice) {
    this.slice = slice;
    this.data = slice.data();
    this.wide = slice.dtype().bytes() == Integer.BYTES;
    this.magnitudeMask = wide ? 0x7FFF_FFFF : 0x7FFF;
    this.largestKey = slice.dtype().largestKey();
    this.random = slice.ranking() instanceof Ranking.Philox;
    this.seed = slice.ranking() instanceof Ranking.Philox philox ? philox.seed() : 0;
    this.tensor = slice.ranking() instanceof Ranking.Philox philox ? philox.tensor() : 0;
  }

  int count() {
    return slice.elements();
  }

  boolean isNan(int position) {
    return magnitude(position) > largestKey;
  }

  /** Gives the absolute value. */
  double value(int position) {
    return Float.intBitsToFloat(slice.dtype().widen(magnitude(position)));
  }

  /** Gives what the ranking orders by, an unsigned 32-bit number. */
  long key(int position) {
    return random ? randomKey(slice.index(position)) : magnitude(position);
  }

  /** Sets a weight that is not NaN to +0.0, or leaves it, and counts it; free of branches. */
  void settle(int position, boolean prune, Tally tally) {
    int bits = bits(position);
    int pruned = prune ? 1 : 0;
    int wasZero = (bits & magnitudeMask) == 0 ? 1 : 0;
    put(position, prune ? 0 : bits);
    tally.pruned += pruned;
    tally.zeros += pruned | wasZero;
    tally.newlyZero += pruned & ~wasZero;
  }

  /** Counts a NaN. */
  static void nan(int position, Tally tally) {
    tally.nans++;
    if (tally.firstNan < 0 || position < tally.firstNan) {
      tally.firstNan = position;
    }
  }

  private int magnitude(int position) {
    return bits(position) & magnitudeMask;
  }

  private int bits(int position) {
    return wide ? data.getInt(position << 2) : data.getShort(position << 1);
  }

  private void put(int position, int bits) {
    if (wide) {
      data.putInt(position << 2, bits);
    } else {
      data.putShort(position << 1, (short) bits);
    }
  }

  private long randomKey(long index) {
    if (index >>> 2 != block) {
      block = index >>> 2;
      words = Philox.words(seed, tensor, block);
    }
    return Integer.toUnsignedLong(words[(int) index & 3]);
  }
}
