package dev.coppice;

/**
 * Hears how far a call has come. Called by one thread at a time, some ten times a second, at the
 * beginning of a phase, and when all is done; must return at once.
 */
@FunctionalInterface
public interface ProgressListener {
  /** Hears nothing. */
  ProgressListener NONE = (phase, done, total) -> {};

  /**
   * Hears of progress.
   *
   * @param phase what is being done: {@code prune}, {@code copy}, {@code commit}
   * @param done bytes passed so far, over all passes
   * @param total bytes to pass, as far as is known; it can grow
   */
  void progress(String phase, long done, long total);
}
