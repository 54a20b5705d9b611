package dev.coppice.spi;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Adds the slices' tallies up to a result for each tensor. */
final class ResultSums {
  private final List<Weights> weights;
  private final Map<String, WeightsResult> sums = new HashMap<>();

  ResultSums(List<Weights> weights) {
    this.weights = weights;
    weights.forEach(w -> sums.put(w.name(), new WeightsResult(0, 0, 0, 0)));
  }

  synchronized void add(Weights to, Tally tally) {
    WeightsResult sum = Objects.requireNonNull(sums.get(to.name()));
    sums.put(
        to.name(),
        new WeightsResult(
            sum.pruned() + tally.pruned,
            sum.newlyZero() + tally.newlyZero,
            sum.zeros() + tally.zeros,
            sum.nans() + tally.nans));
  }

  /** Gives the results in the order of the weights. */
  synchronized List<WeightsResult> results() {
    return weights.stream().map(w -> Objects.requireNonNull(sums.get(w.name()))).toList();
  }
}
