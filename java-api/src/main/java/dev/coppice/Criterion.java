package dev.coppice;

/** How weights are scored: those with the smallest scores go first. */
public sealed interface Criterion {
  /** Scores a weight by its absolute value. */
  record Magnitude() implements Criterion {
    @Override
    public String toString() {
      return "magnitude";
    }
  }

  /**
   * Scores a weight by a Philox4x32-10 word of the plan's seed, the tensor's name and the weight's
   * index.
   */
  record Random() implements Criterion {
    @Override
    public String toString() {
      return "random";
    }
  }
}
