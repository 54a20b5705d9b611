package dev.coppice.spi;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The counter-based generator Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", 2011), with the counter that SPEC.md, "Random", gives it.
 */
public final class Philox {
  private static final int ROUNDS = 10;
  private static final long MULTIPLIER_0 = 0xD251_1F53L;
  private static final long MULTIPLIER_1 = 0xCD9E_8D57L;
  private static final int WEYL_0 = 0x9E37_79B9;
  private static final int WEYL_1 = 0xBB67_AE85;

  private Philox() {}

  /** Gives a tensor's id: the first 8 bytes, little-endian, of the SHA-256 of its name in UTF-8. */
  public static long tensorId(String name) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(name.getBytes(StandardCharsets.UTF_8));
      return ByteBuffer.wrap(digest).order(ByteOrder.LITTLE_ENDIAN).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Gives the word, an unsigned 32-bit number, of the weight at {@code index} of a tensor. */
  public static int word(long seed, long tensor, long index) {
    return words(seed, tensor, index >>> 2)[(int) index & 3];
  }

  /** Gives the four words of the weights from {@code 4 * block} on. */
  public static int[] words(long seed, long tensor, long block) {
    int key0 = (int) seed;
    int key1 = (int) (seed >>> 32);
    int c0 = (int) block;
    int c1 = (int) (block >>> 32);
    int c2 = (int) tensor;
    int c3 = (int) (tensor >>> 32);
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = MULTIPLIER_0 * Integer.toUnsignedLong(c0);
      long product1 = MULTIPLIER_1 * Integer.toUnsignedLong(c2);
      c0 = (int) (product1 >>> 32) ^ c1 ^ key0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ key1;
      c3 = (int) product0;
      key0 += WEYL_0;
      key1 += WEYL_1;
    }
    return new int[] {c0, c1, c2, c3};
  }
}
