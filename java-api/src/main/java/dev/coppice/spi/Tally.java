package dev.coppice.spi;

/** What a kernel did to one slice. */
public final class Tally {
  /** Weights that were pruned, those that were zero before included. */
  public long pruned;

  /** Weights that are zero now and were not before. */
  public long newlyZero;

  /** Weights that are zero now. */
  public long zeros;

  /** Weights that are NaN. */
  public long nans;

  /** The position in the slice of the first NaN, -1 if there is none. */
  public long firstNan = -1;

  /** Sets everything to its state before any work. */
  public void clear() {
    pruned = 0;
    newlyZero = 0;
    zeros = 0;
    nans = 0;
    firstNan = -1;
  }
}
