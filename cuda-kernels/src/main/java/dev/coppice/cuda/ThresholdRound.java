package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Region;
import dev.coppice.spi.Regions;
import dev.coppice.spi.Weights;
import java.util.ArrayList;
import java.util.List;

/**
 * What is pruned in one go.
 *
 * @param tensors indices of the task's weights
 * @param scopes what is asked of each scope
 * @param together whether all tensors are one scope, or each is its own
 * @param mixed whether keys of different types are compared
 * @param row the row that is pruned of the only tensor, or -1: all of each
 */
record ThresholdRound(
    List<Integer> tensors, List<Tables.Ask> scopes, boolean together, boolean mixed, long row) {
  ThresholdRound part(int from, int to) {
    return new ThresholdRound(
        tensors.subList(from, to), scopes.subList(from, to), together, mixed, row);
  }

  /** Says whether coarse bins tell all keys of a task's weights apart: there is no finer level. */
  boolean isExact(PruneTask task) {
    return Kernels.Ranking.of(task) == Kernels.Ranking.MAGNITUDE
        && !mixed
        && tensors.stream().noneMatch(t -> task.weights().get(t).dtype() == DType.F32);
  }

  int scope(int tensor) {
    return together ? 0 : tensor;
  }

  /** Gives the parts of the tensors when none that is brought up may exceed so many bytes. */
  List<Part> parts(PruneTask task, int chunk) {
    List<Part> parts = new ArrayList<>();
    for (int t = 0; t < tensors.size(); t++) {
      Weights w = task.weights().get(tensors.get(t));
      if (w.onDevice().isPresent()) {
        parts.add(Part.whole(w, t, scope(t)));
      } else {
        Regions regions = row < 0 ? Regions.of(w, chunk) : Regions.ofRow(w, row, chunk);
        for (long r = 0; r < regions.count(); r++) {
          Region region = regions.at().apply(r);
          parts.add(Part.of(region, t, scope(t)));
        }
      }
    }
    return parts;
  }
}
