package dev.coppice.evaluation.search;

import java.util.List;

/**
 * A model that was measured.
 *
 * @param kept how many units each layer kept
 * @param left the share of the dense model's cost that was left
 * @param score how good it was
 */
public record Trial(List<Integer> kept, double left, double score) {
  /** Holds what it is given. */
  public Trial {
    kept = List.copyOf(kept);
  }
}
