package dev.coppice.spi;

import dev.coppice.Amount;
import dev.coppice.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * Guesses from a sample where a scope's threshold lies, so that the first pass can resolve that
 * part of the key range alone and finish the search. A wrong guess costs a pass and changes nothing
 * else. Samples are taken at fixed places: the same input takes the same passes.
 */
final class WindowGuess {
  /** Below this many elements the passes are cheaper than the guess. */
  private static final long WORTH_IT = 1 << 19;

  private static final int BLOCK = 64;
  private static final int MOST_BLOCKS = 1024;

  /**
   * Half the window, in standard deviations of a sampled quantile; neighbours resemble each other,
   * so many.
   */
  private static final double DEVIATIONS = 8;

  private WindowGuess() {}

  static Optional<Window> of(
      List<ThresholdSearch.Group> groups, KeySpace keys, Amount amount, long elements)
      throws IOException {
    boolean random = keys.end() == 1L << 32;
    if (elements < WORTH_IT || groups.size() != 1 || random) {
      return Optional.empty();
    }
    int shift = Math.max(0, groups.get(0).type().keyBits() - 16);
    int[] counts = sample(groups.get(0), elements, shift);
    long sampled = Arrays.stream(counts).sum();
    if (sampled == 0) {
      return Optional.empty();
    }
    double quantile = (double) amount.of(elements) / elements;
    double margin = DEVIATIONS * Math.sqrt(Math.max(quantile * (1 - quantile), 1e-4) / sampled);
    long low = (long) binAt(counts, (quantile - margin) * sampled) << shift;
    long high = Math.min((binAt(counts, (quantile + margin) * sampled) + 1L) << shift, keys.end());
    return Optional.of(ThresholdSearch.cover(low, high));
  }

  /** Gives the bin in which that many elements are reached. */
  private static int binAt(int[] counts, double rank) {
    int bin = 0;
    long sum = counts[0];
    while (sum < rank && bin < counts.length - 1) {
      sum += counts[++bin];
    }
    return bin;
  }

  /** Counts blocks at even distances into bins of {@code 1 << shift} keys; NaN is left out. */
  private static int[] sample(ThresholdSearch.Group group, long elements, int shift)
      throws IOException {
    Regions regions = group.regions();
    DType type = group.type();
    int[] counts = new int[1 << (type.keyBits() - shift)];
    long blocks = Math.min(MOST_BLOCKS, elements / (BLOCK * 8L));
    int longest = regions.at().apply(0).runLength();
    ByteBuffer buffer = ByteBuffer.allocate(BLOCK * type.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    int[] block = new int[BLOCK];
    for (long b = 0; b < blocks; b++) {
      Region region = regions.at().apply(b * regions.count() / blocks);
      longest = Math.max(longest, region.runLength());
      int length = (int) Math.max(1, (long) BLOCK * region.runLength() / longest);
      long inside = ((b * 0x9E37_79B9L) & 0x7FFF_FFFFL) % (region.runLength() - length + 1);
      buffer.clear().limit(length * type.bytes());
      region.weights().read(region.first() + inside, buffer);
      keys(buffer.rewind(), type, block, length);
      for (int i = 0; i < length; i++) {
        if (block[i] <= type.largestKey()) {
          counts[block[i] >>> shift]++;
        }
      }
    }
    return counts;
  }

  private static void keys(ByteBuffer from, DType type, int[] keys, int length) {
    if (type.bytes() == Integer.BYTES) {
      from.asIntBuffer().get(keys, 0, length);
      for (int i = 0; i < length; i++) {
        keys[i] &= 0x7FFF_FFFF;
      }
    } else {
      for (int i = 0; i < length; i++) {
        keys[i] = from.getShort() & 0x7FFF;
      }
    }
  }
}
