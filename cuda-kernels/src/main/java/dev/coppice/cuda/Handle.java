package dev.coppice.cuda;

import java.lang.ref.Cleaner;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * What a driver's object is given back with: once, by its owner, or, as a safety net that reports
 * it, when the owner was forgotten. After the device was lost the object is abandoned.
 */
final class Handle implements AutoCloseable {
  private static final Cleaner CLEANER = Cleaner.create();
  private static final System.Logger LOG = System.getLogger(Handle.class.getName());

  private static final class State implements Runnable {
    private final String what;
    private final Runnable release;
    private final AtomicBoolean released = new AtomicBoolean();

    State(String what, Runnable release) {
      this.what = what;
      this.release = release;
    }

    /** Runs on the cleaner's thread, after the owner has become unreachable. */
    @Override
    public void run() {
      if (!released.get()) {
        LOG.log(System.Logger.Level.WARNING, "leaked on the device: " + what);
        release();
      }
    }

    private void release() {
      if (released.compareAndSet(false, true) && !CudaResult.isLost()) {
        release.run();
      }
    }
  }

  private final State state;
  private final Cleaner.Cleanable cleanable;

  /**
   * Makes the handle of {@code owner}.
   *
   * @param release gives the object back; must not refer to the owner
   */
  Handle(Object owner, String what, Runnable release) {
    this.state = new State(what, release);
    this.cleanable = CLEANER.register(owner, state);
  }

  /** Says whether the object was given back. */
  boolean isClosed() {
    return state.released.get();
  }

  @Override
  public void close() {
    state.release();
    cleanable.clean();
  }
}
