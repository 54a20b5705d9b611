package dev.coppice.spi;

import dev.coppice.Amount;
import dev.coppice.NanPolicy;
import dev.coppice.NanWeightsException;
import dev.coppice.Pattern;
import java.io.IOException;
import java.util.List;

/**
 * Prunes what is decided within a slice: N:M groups, rows and tensors that fit one. Reads once,
 * selects, writes once.
 */
final class OnePass {
  /** Selects within a slice. */
  @FunctionalInterface
  private interface Selection {
    void run(Region region, Slice slice, Tally tally);
  }

  private final SliceKernels kernels;
  private final Execution execution;
  private final PruneTask task;
  private final ResultSums sums;

  OnePass(SliceKernels kernels, Execution execution, PruneTask task, ResultSums sums) {
    this.kernels = kernels;
    this.execution = execution;
    this.task = task;
    this.sums = sums;
  }

  /** Prunes N:M groups along the reduction axes. */
  void groups(List<Weights> weights, Pattern.NofM pattern) throws IOException {
    int m = pattern.m();
    run(
        weights,
        weights.stream().map(w -> Regions.ofGroups(w, m, execution.sliceBytes())).toList(),
        (region, slice, tally) ->
            kernels.selectNofM(
                slice,
                pattern.n(),
                m,
                region.runs() == m && !region.isContiguous()
                    ? region.runLength()
                    : (int) inner(region.weights(), region.weights().axes().reduction()),
                task.nan(),
                tally));
  }

  /** Prunes tensors that fit a slice, each a scope. */
  void tensors(List<Weights> weights, Amount amount) throws IOException {
    run(
        weights,
        weights.stream().map(w -> Regions.of(w, execution.sliceBytes())).toList(),
        (region, slice, tally) ->
            kernels.selectRows(slice, 1, 1, slice.elements(), amount, task.nan(), tally));
  }

  /** Prunes rows that fit a slice, each a scope. */
  void rows(List<Weights> weights, Amount amount) throws IOException {
    run(
        weights,
        weights.stream().map(w -> Regions.ofRows(w, execution.sliceBytes())).toList(),
        (region, slice, tally) -> {
          int inner = (int) inner(region.weights(), region.weights().axes().output());
          kernels.selectRows(
              slice, region.runs(), region.runLength() / inner, inner, amount, task.nan(), tally);
        });
  }

  private void run(List<Weights> weights, List<Regions> regions, Selection selection)
      throws IOException {
    if (weights.isEmpty()) {
      return;
    }
    execution.progress().expect(SlicedBackend.bytes(weights));
    new SliceLoop(execution, KeySpace.of(task, weights)::ranking)
        .forEach(
            Regions.concat(regions),
            (index, region, slice, worker) -> {
              Tally tally = worker.tally();
              selection.run(region, slice, tally);
              if (tally.firstNan >= 0 && task.nan() == NanPolicy.REFUSE) {
                throw new NanWeightsException(
                    region.weights().name(), slice.index((int) tally.firstNan), true);
              }
              sums.add(region.weights(), tally);
              return true;
            });
  }

  private static long inner(Weights weights, int axis) {
    return weights.shape().after(axis);
  }
}
