package dev.coppice.reference;

import dev.coppice.DType;
import java.nio.ByteBuffer;

/** Numbers of the types that weights have, as Java's. */
public final class FloatingPoint {
  private static final int HALF_INFINITY = 0x7C00;

  private FloatingPoint() {}

  /** Gives element {@code i} of a little-endian buffer; exact. */
  public static double read(ByteBuffer data, int i, DType dtype) {
    return switch (dtype) {
      case F32 -> data.getFloat(4 * i);
      case F16, BF16 -> {
        int bits = data.getShort(2 * i);
        float size = Float.intBitsToFloat(dtype.widen(bits & 0x7FFF));
        yield bits < 0 ? -size : size;
      }
    };
  }

  /** Sets element {@code i}, rounded to nearest, ties to even. */
  public static void write(ByteBuffer data, int i, DType dtype, double value) {
    switch (dtype) {
      case F32 -> data.putFloat(4 * i, (float) value);
      case BF16 -> data.putShort(2 * i, round(value, 8, 0x7F80, -126));
      case F16 -> data.putShort(2 * i, round(value, 11, HALF_INFINITY, -14));
    }
  }

  /**
   * Rounds to a type of 16 bits, once.
   *
   * @param precision the significant bits, the leading one included
   * @param smallest the exponent of the smallest normal number
   */
  private static short round(double value, int precision, int infinity, int smallest) {
    int sign = Double.doubleToRawLongBits(value) < 0 ? 0x8000 : 0;
    double size = Math.abs(value);
    if (Double.isNaN(size)) {
      return (short) (sign | infinity | (1 << (precision - 2)));
    }
    int exponent = Math.max(smallest, size == 0 ? smallest : Math.getExponent(size));
    // In units of the last place there, where numbers of that exponent are whole.
    double units = Math.rint(Math.scalb(size, precision - 1 - exponent));
    long bits =
        ((long) (exponent - smallest) << (precision - 1)) + (long) Math.min(units, 1L << 40);
    return (short) (sign | (int) Math.min(bits, infinity));
  }
}
