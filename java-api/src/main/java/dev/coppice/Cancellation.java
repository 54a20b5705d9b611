package dev.coppice;

/**
 * Stops a call that another thread makes: it ends with {@link PruningCancelledException} at the
 * next slice.
 */
public final class Cancellation {
  private volatile boolean cancelled;

  /** Asks the call to stop; idempotent. */
  public void cancel() {
    cancelled = true;
  }

  /** Says whether somebody asked. */
  public boolean isCancelled() {
    return cancelled;
  }
}
