package dev.coppice.spi;

import dev.coppice.Amount;
import dev.coppice.NanPolicy;
import dev.coppice.NanWeightsException;
import dev.coppice.Pattern;
import dev.coppice.Shape;
import java.io.IOException;
import java.util.List;

/**
 * Prunes what is decided within a slice: N:M groups, rows and tensors that fit one. Reads once,
 * selects, writes once.
 */
final class OnePass {
  /** Strided slices are larger by this factor: their runs are what the disk and the memory see. */
  private static final int STRIDED = 16;

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
        weights.stream().map(w -> groupRegions(w, m)).toList(),
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
        weights.stream().map(this::rowRegions).toList(),
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
    new SliceLoop(execution, KeySpace.of(task, weights))
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

  private Regions groupRegions(Weights weights, int m) {
    long inner = inner(weights, weights.axes().reduction());
    long block = m * inner;
    long blocks = weights.shape().elements() / block;
    long most = execution.sliceBytes() / weights.dtype().bytes();
    if (block <= most) {
      long each = most / block;
      return new Regions(
          Regions.ceilDiv(blocks, each),
          i ->
              Region.contiguous(
                  weights, i * each * block, (int) (Math.min(each, blocks - i * each) * block)));
    }
    long width = Math.max(1, most * STRIDED / m);
    long strips = Regions.ceilDiv(inner, width);
    return new Regions(
        blocks * strips,
        i -> {
          long from = i % strips * width;
          int length = (int) Math.min(width, inner - from);
          return new Region(weights, i / strips * block + from, m, length, inner);
        });
  }

  private Regions rowRegions(Weights weights) {
    Shape shape = weights.shape();
    int axis = weights.axes().output();
    long rows = shape.dimension(axis);
    int outer = (int) shape.before(axis);
    long inner = shape.after(axis);
    long most = execution.sliceBytes() / weights.dtype().bytes() * (outer == 1 ? 1L : STRIDED);
    long each = Math.max(1, most / (outer * inner));
    return new Regions(
        Regions.ceilDiv(rows, each),
        i -> {
          long from = i * each;
          int length = (int) (Math.min(each, rows - from) * inner);
          return new Region(weights, from * inner, outer, length, rows * inner);
        });
  }

  private static long inner(Weights weights, int axis) {
    return weights.shape().after(axis);
  }
}
