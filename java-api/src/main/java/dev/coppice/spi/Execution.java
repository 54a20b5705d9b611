package dev.coppice.spi;

import dev.coppice.ProgressListener;
import dev.coppice.PruningCancelledException;
import java.io.IOException;
import java.util.OptionalLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.BooleanSupplier;

/**
 * How one call is carried out: its share of the pool, the size of its slices, its progress, and
 * where its time goes. Safe for use by several threads.
 */
public final class Execution {
  /**
   * The slice that is used unless a caller says otherwise: small enough to stay in a core's
   * second-level cache.
   */
  public static final int SLICE_BYTES = 512 << 10;

  private final WorkPool pool;
  private final int threads;
  private final int sliceBytes;
  private final BooleanSupplier cancelled;
  private final Progress progress;
  private final OptionalLong stream;

  /** Nanoseconds that threads spent reading, pruning and writing. */
  public final LongAdder readNanos = new LongAdder();

  /** See {@link #readNanos}. */
  public final LongAdder pruneNanos = new LongAdder();

  /** See {@link #readNanos}. */
  public final LongAdder writeNanos = new LongAdder();

  /**
   * Makes an execution.
   *
   * @param threads the most threads of the pool that it uses at once
   * @param sliceBytes the size of a slice, at least 64
   * @param cancelled asked between slices
   */
  public Execution(
      WorkPool pool,
      int threads,
      int sliceBytes,
      BooleanSupplier cancelled,
      ProgressListener listener) {
    this(pool, threads, sliceBytes, cancelled, listener, OptionalLong.empty());
  }

  /**
   * Makes an execution whose work on a device goes into a stream of the caller's.
   *
   * @param stream the stream's handle; empty: the backend uses streams of its own
   */
  public Execution(
      WorkPool pool,
      int threads,
      int sliceBytes,
      BooleanSupplier cancelled,
      ProgressListener listener,
      OptionalLong stream) {
    if (threads < 1 || sliceBytes < 64) {
      throw new IllegalArgumentException(
          "threads must be 1 or more, a slice 64 bytes or more, not %d and %d"
              .formatted(threads, sliceBytes));
    }
    this.pool = pool;
    this.threads = Math.min(threads, pool.threads());
    this.sliceBytes = sliceBytes;
    this.cancelled = cancelled;
    this.progress = new Progress(listener);
    this.stream = stream;
  }

  /** Gives the handle of the stream that work on a device goes into, if the caller named one. */
  public OptionalLong stream() {
    return stream;
  }

  /** Gives the most threads that it uses at once. */
  public int threads() {
    return threads;
  }

  /** Gives the size of a slice in bytes. */
  public int sliceBytes() {
    return sliceBytes;
  }

  /** Gives its progress. */
  public Progress progress() {
    return progress;
  }

  /** Throws if the call was cancelled. */
  public void checkCancelled() {
    if (cancelled.getAsBoolean()) {
      throw new PruningCancelledException();
    }
  }

  /**
   * Runs {@code body} for every index below {@code count}, in ascending order of their beginnings,
   * on the pool's threads, and waits for all. The body calls {@link #checkCancelled} itself. After
   * a failure no further index is begun; the failure of the smallest index is thrown. A body must
   * not call forEach, which would wait for its own thread.
   *
   * @throws PruningCancelledException if the waiting thread is interrupted
   */
  public void forEach(long count, WorkPool.Body body) throws IOException {
    pool.forEach(count, threads, body);
  }

  /**
   * Does that on at most {@code lanes} threads at once: so many staging buffers, say, suffice for
   * its bodies.
   */
  public void forEach(long count, int lanes, WorkPool.Body body) throws IOException {
    pool.forEach(count, Math.min(lanes, threads), body);
  }

  /**
   * Does that with the calling thread in place of one of the pool's: for work of milliseconds, of
   * which much is done before a second thread has woken up.
   *
   * @param own the calling thread's memory
   */
  public void share(long count, WorkPool.Worker own, WorkPool.Body body) throws IOException {
    pool.share(count, threads, own, body);
  }

  Histogram borrowHistogram() {
    return pool.borrowHistogram();
  }

  void giveBack(Histogram histogram) {
    pool.giveBack(histogram);
  }
}
