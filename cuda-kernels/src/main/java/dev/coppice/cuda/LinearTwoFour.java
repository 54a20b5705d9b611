package dev.coppice.cuda;

import dev.coppice.Tensor;
import dev.coppice.sparse.Part;
import dev.coppice.sparse.TwoFour;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUstream;

/** Products of 2:4 weights: two_four_linear.cu for few rows of x, two_four_matmul.cu for many. */
final class LinearTwoFour extends LinearProduct {
  /** The most rows of x that tensor cores take without reading the weights again. */
  private static final long MOST_FEW = 16;

  /** The most rows of x for which small tiles are made. */
  private static final long MOST_NARROW = 2L * Headers.MATMUL_NARROW;

  private static final int EIGHT = 8;

  /** In a file's order 32 columns of 16 rows take 16 words; in the kernel's 256 take 128. */
  private static final int TILE_WORDS = 16;

  private static final int UNIT_WORDS = 128;
  private static final int FOURS_OF_WORD = 4;

  /** The lowest 4 bits of both halves of a word. */
  private static final int LOWEST = 0x000F000F;

  /** Valid positions of fours that are not there. */
  private static final int NOWHERE = 0x44444444;

  private final Tiled eight;
  private final Tiled sixteen;
  private final Tiled narrow;
  private final Tiled wide;
  private final int stored;
  private final long bytes;
  private final long values;
  private final long positions;
  private final long positionsOfFew;

  LinearTwoFour(LinearMemory memory, TwoFour weights, Optional<Tensor> bias, long mostBatch) {
    super(memory, weights, bias, mostBatch);
    this.eight = few(memory, type(), 1);
    this.sixteen = few(memory, type(), 2);
    this.narrow =
        many(memory, type() + "_narrow", Headers.MATMUL_NARROW, Headers.MATMUL_NARROW_SHARED);
    // Compute capabilities 8.6, 8.9 and 12.0 have less.
    this.wide =
        memory.mostShared() < Headers.MATMUL_WIDE_SHARED
            ? narrow
            : many(memory, type() + "_wide", Headers.MATMUL_WIDE, Headers.MATMUL_WIDE_SHARED);
    List<Part> parts = weights.parts();
    this.stored = weights.storedColumns();
    long rows = parts.get(0).shape().dimension(0);
    this.bytes = weights.bytes();
    this.values = memory.copy(parts.get(0).data());
    this.positions = mostBatch > MOST_FEW ? memory.copy(parts.get(1).data()) : 0;
    this.positionsOfFew = memory.copy(arranged(parts.get(1).data(), rows, stored));
  }

  /**
   * Arranges positions as two_four_linear.cu reads them: of 64 columns the m-th of each four fours
   * make the word of lane 4g + m.
   */
  static ByteBuffer arranged(ByteBuffer positions, long rows, int stored) {
    int tiles = (int) (rows / Headers.TWO_FOUR_ROWS);
    int words = stored / Headers.TWO_FOUR_ROWS; // Of 32 columns, in a row of tiles.
    int units = (2 * stored + Headers.LINEAR_UNIT - 1) / Headers.LINEAR_UNIT;
    ByteBuffer arranged =
        ByteBuffer.allocateDirect(
                Math.multiplyExact(Math.multiplyExact(tiles, units), UNIT_WORDS * Integer.BYTES))
            .order(ByteOrder.LITTLE_ENDIAN);
    int[] from = new int[FOURS_OF_WORD];
    for (int tile = 0; tile < tiles; tile++) {
      for (int unit = 0; unit < units; unit++) {
        for (int at = 0; at < UNIT_WORDS; at++) {
          int lane = at / 4;
          for (int i = 0; i < FOURS_OF_WORD; i++) {
            int quarter = (unit * 4 + at % 4) * FOURS_OF_WORD + i; // Of 16 columns each.
            int word = (tile * words + quarter / 2) * TILE_WORDS + lane / 4 * 2 + quarter % 2;
            from[i] = quarter / 2 < words ? positions.getInt(word * Integer.BYTES) : NOWHERE;
          }
          arranged.putInt(word(from, lane % 4));
        }
      }
    }
    return arranged.flip();
  }

  private static int word(int[] from, int m) {
    int word = 0;
    for (int i = 0; i < FOURS_OF_WORD; i++) {
      word |= (from[i] >>> (4 * m) & LOWEST) << (4 * i);
    }
    return word;
  }

  /** A kernel, and how much of the product a block of it makes. */
  private record Tiled(Kernel kernel, int rows, int columns, int shared) {}

  private static Tiled few(LinearMemory memory, String type, int eights) {
    int shared = eights * Headers.TWO_FOUR_SHARED;
    String name = "two_four_linear_%s_%d".formatted(type, eights * EIGHT);
    Kernel kernel = memory.kernel(name, Headers.LINEAR_THREADS, shared);
    return new Tiled(kernel, Headers.TWO_FOUR_ROWS, eights * EIGHT, shared);
  }

  private static Tiled many(LinearMemory memory, String name, int columns, int shared) {
    Kernel kernel = memory.kernel("two_four_matmul_" + name, Headers.MATMUL_THREADS, shared);
    return new Tiled(kernel, Headers.MATMUL_ROWS, columns, shared);
  }

  private Tiled tiled(long batch) {
    if (batch <= MOST_FEW) {
      return batch <= EIGHT ? eight : sixteen;
    }
    return batch <= MOST_NARROW ? narrow : wide;
  }

  @Override
  void multiply(Operands operands, CUstream stream) {
    long batch = operands.batch();
    long index = batch <= MOST_FEW ? positionsOfFew : positions;
    Tiled tiled = tiled(batch);
    operands.put(memory().parameters(), values, index, 0, stored);
    long tall = (out() + tiled.rows - 1) / tiled.rows;
    long blocks = Math.multiplyExact(tall, (batch + tiled.columns - 1) / tiled.columns);
    memory().launch(tiled.kernel, blocks, tiled.shared, stream);
  }

  @Override
  public long bytes() {
    return bytes;
  }
}
