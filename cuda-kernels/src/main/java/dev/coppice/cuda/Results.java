package dev.coppice.cuda;

import dev.coppice.NanWeightsException;
import dev.coppice.spi.WeightsResult;
import java.util.Arrays;
import java.util.List;

/** What was done to each of a task's weights. */
final class Results {
  private final WeightsResult[] results;

  Results(int tensors) {
    results = new WeightsResult[tensors];
    Arrays.fill(results, new WeightsResult(0, 0, 0, 0));
  }

  void add(int tensor, WeightsResult more) {
    WeightsResult sum = results[tensor];
    results[tensor] =
        new WeightsResult(
            sum.pruned() + more.pruned(),
            sum.newlyZero() + more.newlyZero(),
            sum.zeros() + more.zeros(),
            sum.nans() + more.nans());
  }

  List<WeightsResult> all() {
    return List.of(results);
  }

  /** Throws if there is a NaN at that index; -1: there is none. */
  static void refuseNan(String tensor, long index, boolean partlyPruned) {
    if (index >= 0) {
      throw new NanWeightsException(tensor, index, partlyPruned);
    }
  }
}
