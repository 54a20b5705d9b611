package dev.coppice.spi;

/** What an element counts in the sum of its slice. */
public enum Summand {
  /** Its square. */
  SQUARE,
  /** Its absolute value. */
  MAGNITUDE;

  /** Gives what an element counts; a square is rounded by itself. */
  public double of(double element) {
    return this == SQUARE ? element * element : Math.abs(element);
  }
}
