package dev.coppice;

/**
 * An element type whose weights can be pruned.
 *
 * <p>The <em>key</em> of a weight is its bits with the sign cleared, read as an unsigned integer:
 * it grows with the weight's absolute value, and NaN keys lie above {@link #largestKey()}.
 */
public enum DType {
  /** IEEE binary32. */
  F32(4, 0x7F80_0000),
  /** IEEE binary16. */
  F16(2, 0x7C00),
  /** bfloat16, the upper half of a binary32. */
  BF16(2, 0x7F80);

  private final int bytes;
  private final int largestKey;

  DType(int bytes, int largestKey) {
    this.bytes = bytes;
    this.largestKey = largestKey;
  }

  /** Gives the size of an element in bytes; a key is as wide. */
  public int bytes() {
    return bytes;
  }

  /** Gives the key of infinity, the largest that is not NaN. */
  public int largestKey() {
    return largestKey;
  }

  /** Gives the number of key bits, the sign's left out. */
  public int keyBits() {
    return bytes * 8 - 1;
  }

  /** Gives the F32 key of the same absolute value; exact, and increasing in {@code key}. */
  public int widen(int key) {
    return switch (this) {
      case F32 -> key;
      case BF16 -> key << 16;
      case F16 -> widenHalf(key);
    };
  }

  private static int widenHalf(int key) {
    int exponent = key >>> 10;
    int fraction = key & 0x3FF;
    if (exponent == 31) {
      return 0x7F80_0000 | fraction << 13;
    }
    if (exponent == 0) {
      return Float.floatToRawIntBits(fraction * 0x1p-24f);
    }
    return (exponent + 112) << 23 | fraction << 13;
  }
}
