package dev.coppice.spi;

import dev.coppice.Pattern;
import java.io.IOException;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;

/**
 * A backend that passes slices of the weights to {@link SliceKernels}: everything about pruning but
 * the five operations on a slice. Memory is bounded by threads times slice. A scope that fits a
 * slice, and every N:M group, takes one pass: read, select, write. Any other takes the passes of a
 * threshold search and one that applies the threshold.
 */
public final class SlicedBackend implements Backend {
  private final String name;
  private final SliceKernels kernels;

  /** Makes a backend of that name out of kernels. */
  public SlicedBackend(String name, SliceKernels kernels) {
    this.name = name;
    this.kernels = kernels;
  }

  @Override
  public String name() {
    return name;
  }

  /** Gives the kernels, to be measured on their own. */
  public SliceKernels kernels() {
    return kernels;
  }

  @Override
  public List<WeightsResult> prune(PruneTask task, Execution execution) throws IOException {
    List<Weights> weights = task.weights().stream().filter(w -> w.shape().elements() > 0).toList();
    ResultSums sums = new ResultSums(task.weights());
    if (!weights.isEmpty()) {
      OnePass onePass = new OnePass(kernels, execution, task, sums);
      if (task.pattern() instanceof Pattern.NofM nOfM) {
        onePass.groups(weights, nOfM);
      } else if (task.pattern() instanceof Pattern.Unstructured unstructured) {
        Function<List<Weights>, ThresholdPass> passes =
            scope -> new ThresholdPass(kernels, execution, task, sums, scope);
        prune(weights, unstructured, onePass, passes, execution.sliceBytes());
      }
    }
    return sums.results();
  }

  private static void prune(
      List<Weights> weights,
      Pattern.Unstructured pattern,
      OnePass onePass,
      Function<List<Weights>, ThresholdPass> passes,
      int sliceBytes)
      throws IOException {
    switch (pattern.scope()) {
      case GLOBAL -> {
        if (pattern.maxPerTensor().isPresent()) {
          passes.apply(weights).pruneCapped(pattern.amount(), pattern.maxPerTensor().getAsDouble());
        } else {
          passes.apply(weights).prune(pattern.amount());
        }
      }
      case TENSOR -> {
        Predicate<Weights> fits = w -> bytes(List.of(w)) <= sliceBytes;
        onePass.tensors(weights.stream().filter(fits).toList(), pattern.amount());
        for (Weights w : weights.stream().filter(fits.negate()).toList()) {
          passes.apply(List.of(w)).prune(pattern.amount());
        }
      }
      case ROW -> {
        Predicate<Weights> fits =
            w -> bytes(List.of(w)) / w.shape().dimension(w.axes().output()) <= sliceBytes;
        onePass.rows(weights.stream().filter(fits).toList(), pattern.amount());
        for (Weights w : weights.stream().filter(fits.negate()).toList()) {
          passes.apply(List.of(w)).pruneEachRow(pattern.amount());
        }
      }
    }
  }

  @Override
  public double[] sliceSums(Weights weights, int axis, Summand summand, Execution execution)
      throws IOException {
    return new SliceSums(kernels, execution).of(weights, axis, summand);
  }

  static long bytes(List<Weights> weights) {
    return weights.stream().mapToLong(w -> w.shape().elements() * w.dtype().bytes()).sum();
  }

  @Override
  public void close() {}
}
