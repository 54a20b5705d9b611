package dev.coppice.spi;

import dev.coppice.DType;
import java.util.List;
import java.util.SplittableRandom;

/** A slice to try kernels on: its elements as bits, and where they lie in their tensor. */
final class SliceCase {
  private static final List<Long> STARTS =
      List.of(0L, 1L, 2L, 3L, 4097L, (1L << 32) - 2, (1L << 34) + 5, (1L << 40) + 7);

  final String kind;
  final DType dtype;
  final Ranking ranking;
  final int[] bits;
  final long first;
  final int runs;
  final int runLength;
  final long stride;

  private SliceCase(
      String kind,
      DType dtype,
      Ranking ranking,
      int[] bits,
      long first,
      int runs,
      int runLength,
      long stride) {
    this.kind = kind;
    this.dtype = dtype;
    this.ranking = ranking;
    this.bits = bits;
    this.first = first;
    this.runs = runs;
    this.runLength = runLength;
    this.stride = stride;
  }

  /** Makes a contiguous slice from the tensor's element {@code first} on. */
  static SliceCase contiguous(DType dtype, Ranking ranking, int[] bits, long first) {
    return new SliceCase("given", dtype, ranking, bits, first, 1, bits.length, bits.length);
  }

  /** Makes a slice of a kind, contiguous or a region, somewhere in a large tensor. */
  static SliceCase random(
      SplittableRandom random, WeightKind kind, DType dtype, Ranking ranking, int size) {
    int runs = random.nextBoolean() ? 1 : divisor(random, size);
    int runLength = size / runs;
    return new SliceCase(
        kind.name(),
        dtype,
        ranking,
        kind.make(random, dtype, size),
        STARTS.get(random.nextInt(STARTS.size())),
        runs,
        runLength,
        runLength + (runs == 1 ? 0 : random.nextLong(1000)));
  }

  private static int divisor(SplittableRandom random, int size) {
    int candidate = 1 + random.nextInt(Math.max(1, Math.min(size, 100)));
    while (size % candidate != 0) {
      candidate--;
    }
    return candidate;
  }

  int size() {
    return bits.length;
  }

  @Override
  public String toString() {
    return "%d %s %s by %s, first %d, %d runs of %d, stride %d"
        .formatted(size(), dtype, kind, ranking, first, runs, runLength, stride);
  }
}
