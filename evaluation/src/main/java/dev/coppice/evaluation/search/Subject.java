package dev.coppice.evaluation.search;

import java.io.IOException;
import java.util.List;

/** A model whose layers can be made smaller, and what becomes of it. For one thread at a time. */
public interface Subject {
  /** Gives the layers. */
  List<Layer> layers();

  /** Gives the share of the dense model's cost that is left if each layer keeps so many units. */
  double left(List<Integer> kept);

  /**
   * Makes the model whose layers keep so many units, and measures it.
   *
   * @return how good it is; more is better, the same each time
   */
  double score(List<Integer> kept) throws IOException;
}
