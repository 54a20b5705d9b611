package dev.coppice.evaluation.search;

/**
 * A part of a model that can be made smaller.
 *
 * @param name what users know it by
 * @param units how many units it has
 * @param step what is left is a multiple of this, or all
 * @param least how many units stay at least
 */
public record Layer(String name, int units, int step, int least) {
  /** Checks that what stays at least can be had. */
  public Layer {
    if (units < 1 || step < 1 || least < 1 || least > units) {
      throw new IllegalArgumentException(
          "%s of %d units in steps of %d cannot keep %d".formatted(name, units, step, least));
    }
  }

  /** Gives the smallest count that may stay and is no smaller than {@code kept}. */
  int round(double kept) {
    int steps = (int) Math.ceil(Math.max(least, kept) / step - 1e-9);
    return Math.min(units, steps * step);
  }

  /** Gives the next smaller count that may stay. */
  int below(int kept) {
    return Math.max(1, (kept - 1) / step * step);
  }
}
