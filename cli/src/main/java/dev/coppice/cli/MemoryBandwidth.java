package dev.coppice.cli;

import dev.coppice.spi.Execution;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * How fast this machine's memory is, measured: what nothing that passes over weights can beat.
 *
 * @param bytes the size of what was passed over
 * @param read GB/s of reading it with all threads
 * @param copy GB/s of copying half of it to the other half, bytes read and written both counted
 */
record MemoryBandwidth(long bytes, double read, double copy) {
  private static final int LARGEST = 256 << 20;
  private static final int ROUNDS = 4;

  /** Measures with all threads of the execution; takes the best of a few rounds. */
  static MemoryBandwidth measure(Execution execution) throws IOException {
    int bytes = (int) Math.min(LARGEST, Runtime.getRuntime().maxMemory() / 3) & -(1 << 20);
    ByteBuffer memory = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    int half = bytes / 2;
    double copy = 0;
    double read = 0;
    for (int i = 0; i < ROUNDS; i++) {
      copy =
          Math.max(
              copy,
              perSecond(
                  bytes, execution, half, (at, size) -> memory.put(half + at, memory, at, size)));
      read =
          Math.max(
              read,
              perSecond(bytes, execution, half, (at, size) -> compare(memory, at, half, size)));
    }
    return new MemoryBandwidth(bytes, read, copy);
  }

  private interface Pass {
    void over(int at, int size);
  }

  private static double perSecond(long counted, Execution execution, int bytes, Pass pass)
      throws IOException {
    int piece = execution.sliceBytes();
    long begin = System.nanoTime();
    execution.forEach(
        (bytes + piece - 1) / piece,
        (index, worker) -> {
          execution.checkCancelled();
          int at = (int) index * piece;
          pass.over(at, Math.min(piece, bytes - at));
        });
    return counted / ((System.nanoTime() - begin) * 1e-9) / 1e9;
  }

  /** Reads both halves; they are equal, so the comparison passes over all of them, with vectors. */
  private static void compare(ByteBuffer memory, int at, int half, int size) {
    if (memory.slice(at, size).mismatch(memory.slice(half + at, size)) >= 0) {
      throw new IllegalStateException("a copy differs from what was copied");
    }
  }
}
