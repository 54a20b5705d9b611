package dev.coppice.spi;

import dev.coppice.DType;
import java.util.SplittableRandom;

/** Kinds of weights, as bits: together they hold every case that SPEC.md tells apart. */
enum WeightKind {
  /** Any bits at all, NaN and infinities among them. */
  ANY_BITS,
  /** Finite numbers of like size, as in a trained model. */
  NUMBERS,
  /** Four absolute values with either sign. */
  TIES,
  /** One value everywhere. */
  ALL_EQUAL,
  /** +0.0 and -0.0. */
  ZEROS,
  /** Half of it pruned before. */
  HALF_PRUNED,
  /** Denormals and zeros. */
  DENORMALS,
  /** Zeros, the least and the largest numbers of each kind, infinities. */
  EXTREMES,
  /** The same, and NaN of all kinds. */
  EXTREMES_AND_NAN,
  /** Numbers, and one NaN. */
  ONE_NAN,
  /** Nothing but NaN. */
  ALL_NAN;

  int[] make(SplittableRandom random, DType type, int size) {
    int[] bits = new int[size];
    int same = number(random, type);
    int nanAt = size == 0 ? -1 : random.nextInt(size);
    for (int i = 0; i < size; i++) {
      bits[i] =
          switch (this) {
            case ANY_BITS -> anyBits(random, type);
            case NUMBERS -> number(random, type);
            case TIES -> signed(random, type, least(type) + random.nextInt(4));
            case ALL_EQUAL -> same;
            case ZEROS -> signed(random, type, 0);
            case HALF_PRUNED -> random.nextBoolean() ? 0 : number(random, type);
            case DENORMALS -> signed(random, type, random.nextInt(leastNormal(type)));
            case EXTREMES -> signed(random, type, extreme(random, type));
            case EXTREMES_AND_NAN ->
                random.nextInt(4) == 0
                    ? nan(random, type)
                    : signed(random, type, 0) | extreme(random, type);
            case ONE_NAN -> i == nanAt ? nan(random, type) : number(random, type);
            case ALL_NAN -> nan(random, type);
          };
    }
    return bits;
  }

  private static int anyBits(SplittableRandom random, DType type) {
    return type == DType.F32 ? random.nextInt() : random.nextInt(1 << 16);
  }

  private static int number(SplittableRandom random, DType type) {
    int beyond = type == DType.F16 ? 0x4400 : type == DType.BF16 ? 0x4080 : 0x4080_0000;
    return signed(random, type, random.nextInt(least(type), beyond));
  }

  /** Gives the bits of the least number that {@link #NUMBERS} holds, 2^-10 or 2^-9. */
  private static int least(DType type) {
    return type == DType.F16 ? 0x1400 : type == DType.BF16 ? 0x3B00 : 0x3B00_0000;
  }

  private static int signed(SplittableRandom random, DType type, int bits) {
    return random.nextBoolean() ? bits : bits | (type == DType.F32 ? 1 << 31 : 1 << 15);
  }

  private static int extreme(SplittableRandom random, DType type) {
    int infinity = infinity(type);
    int normal = leastNormal(type);
    int[] extremes = {0, 1, normal - 1, normal, infinity - 1, infinity};
    return extremes[random.nextInt(extremes.length)];
  }

  private static int nan(SplittableRandom random, DType type) {
    int normal = leastNormal(type);
    int[] payloads = {1, normal - 1, normal >> 1, random.nextInt(1, normal)};
    return signed(random, type, infinity(type) + payloads[random.nextInt(payloads.length)]);
  }

  /** Gives the bits of the least normal number; NaN payloads are 1 up to it, it not included. */
  private static int leastNormal(DType type) {
    return type == DType.F16 ? 0x0400 : type == DType.BF16 ? 0x0080 : 0x0080_0000;
  }

  private static int infinity(DType type) {
    return type == DType.F16 ? 0x7C00 : type == DType.BF16 ? 0x7F80 : 0x7F80_0000;
  }
}
