package dev.coppice.benchmarks;

import dev.coppice.DType;
import java.nio.ByteBuffer;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Kinds of weights; a benchmark that knows one kind only proves little. */
public enum Input {
  /** As in a trained model: normal, with a standard deviation of 0.02. */
  GAUSSIAN,
  /** Between -1 and 1. */
  UNIFORM,
  /** One value everywhere: nothing but ties. */
  EQUAL,
  /** Normal, every other weight pruned before. */
  HALF_ZERO;

  private static final int CHUNK = 1 << 16;

  /** Fills a little-endian buffer; the same seed gives the same weights on any machine. */
  void fill(ByteBuffer data, DType dtype, long seed) {
    int elements = data.capacity() / dtype.bytes();
    IntStream.range(0, (elements + CHUNK - 1) / CHUNK)
        .parallel()
        .forEach(
            chunk -> {
              SplittableRandom random = new SplittableRandom(seed + 0x9E37_79B9L * chunk);
              int end = Math.min(elements, (chunk + 1) * CHUNK);
              for (int i = chunk * CHUNK; i < end; i++) {
                put(data, dtype, i, weight(random, i));
              }
            });
  }

  private double weight(SplittableRandom random, int i) {
    return switch (this) {
      case GAUSSIAN -> random.nextGaussian() * 0.02;
      case UNIFORM -> random.nextDouble(-1, 1);
      case EQUAL -> 0.02;
      case HALF_ZERO -> i % 2 == 0 ? 0 : random.nextGaussian() * 0.02;
    };
  }

  private static void put(ByteBuffer data, DType dtype, int i, double weight) {
    int bits = Float.floatToRawIntBits((float) weight);
    switch (dtype) {
      case F32 -> data.putInt(4 * i, bits);
      case BF16 -> data.putShort(2 * i, (short) (bits >>> 16));
      case F16 -> throw new IllegalArgumentException("there are no benchmarks of F16");
    }
  }
}
