package dev.coppice.spi;

/**
 * The part of the key range that a histogram resolves. Bin i counts the keys k with {@code base +
 * (i << shift) <= k < base + ((i + 1) << shift)}, all taken as unsigned; keys below the base are
 * counted together, keys above the last bin not at all.
 *
 * @param base the first key of bin 0, an unsigned 32-bit number
 * @param shift the logarithm of a bin's width, 0 to 31
 * @param bins the number of bins, 1 to {@link #MOST_BINS}
 */
public record Window(long base, int shift, int bins) {
  /** The most bins of a window: 256 KiB of counters. */
  public static final int MOST_BINS = 1 << 16;

  /** Refuses what lies outside the 32-bit key range. */
  public Window {
    if (base < 0 || base >= 1L << 32 || shift < 0 || shift > 31 || bins < 1 || bins > MOST_BINS) {
      throw new IllegalArgumentException(
          "not a window: base " + base + ", shift " + shift + ", bins " + bins);
    }
  }

  /** Gives the first key above the last bin. */
  public long end() {
    return base + ((long) bins << shift);
  }
}
