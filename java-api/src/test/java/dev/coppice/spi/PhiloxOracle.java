package dev.coppice.spi;

/**
 * Philox4x32-10 from its published definition: ten rounds of two multiplications, a swap of the
 * products' halves and an exclusive or with a key that grows by a constant each round.
 */
final class PhiloxOracle {
  private PhiloxOracle() {}

  static long word(Ranking.Philox philox, long index) {
    return words(philox, Long.divideUnsigned(index, 4))[(int) Long.remainderUnsigned(index, 4)];
  }

  static long[] words(Ranking.Philox philox, long block) {
    long[] counter = {low(block), high(block), low(philox.tensor()), high(philox.tensor())};
    for (int round = 0; round < 10; round++) {
      long key0 = low(low(philox.seed()) + round * 0x9E3779B9L);
      long key1 = low(high(philox.seed()) + round * 0xBB67AE85L);
      long left = counter[0] * 0xD2511F53L;
      long right = counter[2] * 0xCD9E8D57L;
      counter =
          new long[] {
            high(right) ^ counter[1] ^ key0, low(right), high(left) ^ counter[3] ^ key1, low(left)
          };
    }
    return counter;
  }

  private static long low(long value) {
    return value & 0xFFFF_FFFFL;
  }

  private static long high(long value) {
    return value >>> 32;
  }
}
