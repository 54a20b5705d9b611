package dev.coppice;

import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WeightsResult;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * What was done to a model.
 *
 * @param backend the backend that did it; {@code cuda+native} where each pruned some of the plan's
 *     rules
 * @param notes lines on the choice of the backend: why better ones did not do it
 * @param plan what was asked for
 * @param tensors what was pruned, in the model's order
 * @param leftAlone what was not, and why
 * @param bytes the size of the model
 * @param seconds where the time went
 */
public record PruningReport(
    String backend,
    List<String> notes,
    PruningPlan plan,
    List<TensorReport> tensors,
    List<Selection.LeftAlone> leftAlone,
    long bytes,
    Seconds seconds) {

  /**
   * What was done to one tensor.
   *
   * @param tensor the tensor
   * @param rule the index of the rule that took it
   * @param pruned the weights that were pruned, those that were zero before included
   * @param newlyZero the weights that are zero now and were not before
   * @param zeros the weights that are zero now
   * @param nans the weights that are NaN, and were kept
   */
  public record TensorReport(
      CheckpointTensor tensor, int rule, long pruned, long newlyZero, long zeros, long nans) {
    /** Gives the number of weights. */
    public long total() {
      return tensor.shape().elements();
    }

    /** Gives the share of weights that are zero now. */
    public double sparsity() {
      return total() == 0 ? 0 : (double) zeros / total();
    }

    /** Says that no weight is left. */
    public boolean isEmpty() {
      return zeros == total();
    }
  }

  /**
   * Where the time went, in seconds. Reading, pruning and writing overlap on several threads: each
   * is the time that threads spent on it, divided by the number of threads.
   *
   * @param total from beginning to end
   */
  public record Seconds(double read, double prune, double write, double total) {}

  /**
   * Gives what {@code results}, by the tensors' names, come to, for a call begun at that nano time.
   */
  static PruningReport of(
      PruningPlan plan,
      Selection selection,
      Map<String, WeightsResult> results,
      BackendUse use,
      long bytes,
      Execution execution,
      long begin) {
    List<TensorReport> tensors = new ArrayList<>();
    for (Selection.Taken taken : selection.taken()) {
      WeightsResult done = Objects.requireNonNull(results.get(taken.tensor().name()));
      tensors.add(
          new TensorReport(
              taken.tensor(),
              taken.rule(),
              done.pruned(),
              done.newlyZero(),
              done.zeros(),
              done.nans()));
    }
    double each = 1e-9 / execution.threads();
    Seconds seconds =
        new Seconds(
            execution.readNanos.sum() * each,
            execution.pruneNanos.sum() * each,
            execution.writeNanos.sum() * each,
            (System.nanoTime() - begin) * 1e-9);
    return new PruningReport(
        use.backend(),
        use.notes(),
        plan,
        List.copyOf(tensors),
        selection.leftAlone(),
        bytes,
        seconds);
  }

  /** Gives the weights that were pruned. */
  public long pruned() {
    return tensors.stream().mapToLong(TensorReport::pruned).sum();
  }

  /** Gives the weights that are zero now and were not before. */
  public long newlyZero() {
    return tensors.stream().mapToLong(TensorReport::newlyZero).sum();
  }

  /** Gives the zeros among the weights that took part. */
  public long zeros() {
    return tensors.stream().mapToLong(TensorReport::zeros).sum();
  }

  /** Gives the weights that took part. */
  public long total() {
    return tensors.stream().mapToLong(TensorReport::total).sum();
  }

  /** Gives the share of zeros among the weights that took part. */
  public double sparsity() {
    return total() == 0 ? 0 : (double) zeros() / total();
  }

  /** Gives the model's bytes per second, in units of 10^9. */
  public double gigabytesPerSecond() {
    return seconds.total == 0 ? 0 : bytes / seconds.total / 1e9;
  }
}
