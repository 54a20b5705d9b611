package dev.coppice.spi;

import dev.coppice.ProgressListener;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/** Adds up what the threads of a call have passed and tells the listener now and then. */
public final class Progress {
  private static final long INTERVAL_NANOS = 100_000_000;

  private final ProgressListener listener;
  private final AtomicLong done = new AtomicLong();
  private final AtomicLong total = new AtomicLong();
  private final ReentrantLock telling = new ReentrantLock();
  private volatile String phase = "prune";
  private volatile long lastTold = System.nanoTime();

  /** How far a call had come, for {@link #rewind}. */
  public record Mark(long done, long total) {}

  Progress(ProgressListener listener) {
    this.listener = listener;
  }

  /** Begins a phase. */
  public void begin(String name) {
    phase = name;
    tell();
  }

  /** Says that {@code bytes} more have to be passed. */
  public void expect(long bytes) {
    total.addAndGet(bytes);
  }

  /** Says that {@code bytes} more were passed. */
  public void advance(long bytes) {
    done.addAndGet(bytes);
    if (System.nanoTime() - lastTold > INTERVAL_NANOS) {
      tell();
    }
  }

  /** Gives how far the call has come. */
  public Mark mark() {
    return new Mark(done.get(), total.get());
  }

  /** Forgets what was expected and passed since the mark, because it is done anew. */
  public void rewind(Mark mark) {
    done.set(mark.done);
    total.set(mark.total);
  }

  /** Says that the call has done all it had to. */
  public void end() {
    tell();
  }

  private void tell() {
    if (telling.tryLock()) {
      try {
        lastTold = System.nanoTime();
        listener.progress(phase, done.get(), total.get());
      } finally {
        telling.unlock();
      }
    }
  }
}
