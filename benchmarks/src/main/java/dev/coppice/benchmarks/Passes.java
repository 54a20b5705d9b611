package dev.coppice.benchmarks;

import dev.coppice.ProgressListener;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Passes over memory with the threads and the slices that the pruner has. */
final class Passes {
  /** What is done to a slice. */
  @FunctionalInterface
  interface Pass {
    void over(int at, int size);
  }

  private Passes() {}

  static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  static void forEach(WorkPool pool, int bytes, Pass pass) throws IOException {
    int slice = Execution.SLICE_BYTES;
    new Execution(pool, pool.threads(), slice, () -> false, ProgressListener.NONE)
        .forEach(
            (bytes + slice - 1L) / slice,
            (index, worker) -> {
              int at = (int) index * slice;
              pass.over(at, Math.min(slice, bytes - at));
            });
  }
}
