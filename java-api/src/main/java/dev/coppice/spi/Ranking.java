package dev.coppice.spi;

/** Where the key of a weight comes from: the unsigned number that it is ordered by. */
public sealed interface Ranking {
  /** The weight's bits without the sign, as wide as its type (SPEC.md, "Key"). */
  record Magnitude() implements Ranking {}

  /**
   * A 32-bit word of Philox4x32-10 (SPEC.md, "Random"); the weight itself is only looked at to find
   * NaN.
   *
   * @param seed the plan's seed, the Philox key, low word first
   * @param tensor the first 8 bytes, little-endian, of the SHA-256 of the tensor's name
   */
  record Philox(long seed, long tensor) implements Ranking {}
}
