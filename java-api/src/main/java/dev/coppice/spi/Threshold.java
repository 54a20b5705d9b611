package dev.coppice.spi;

/**
 * What a scope is cut by: keys below {@code key} go, and of those that equal it all but the first
 * {@code kept} of {@code ties}.
 */
record Threshold(long key, long kept, long ties) {
  /** Prunes nothing. */
  static final Threshold NOTHING = new Threshold(0, Long.MAX_VALUE, Long.MAX_VALUE);

  /** Says that the ties are treated alike, so that their positions do not matter. */
  boolean isPlain() {
    return kept == 0 || kept == ties;
  }
}
