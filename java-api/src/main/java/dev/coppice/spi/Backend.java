package dev.coppice.spi;

import java.io.IOException;
import java.util.List;

/** Prunes tensors, and adds up what they hold; safe for use by several threads at once. */
public interface Backend extends AutoCloseable {
  /** Gives the name it is asked for by: {@code reference}, {@code native}, {@code cuda}. */
  String name();

  /**
   * Prunes the weights of one task by SPEC.md.
   *
   * @return what was done, a result for each of the task's weights, in their order
   * @throws dev.coppice.NanWeightsException under {@link dev.coppice.NanPolicy#REFUSE}
   * @throws dev.coppice.PruningCancelledException if the execution was cancelled
   * @throws dev.coppice.DeviceOutOfMemoryException only before anything was written, so that {@code
   *     auto} can give the task to the next backend
   * @throws dev.coppice.DeviceLostException at any time; the backend is not used again
   */
  List<WeightsResult> prune(PruneTask task, Execution execution) throws IOException;

  /**
   * Begins to prune weights that all lie on a device, in the execution's stream, and does not wait
   * for it. Backends that have no streams do it at once.
   *
   * @return what must be waited for; it holds memory until then
   */
  default PendingWeights begin(PruneTask task, Execution execution) throws IOException {
    return PendingWeights.done(prune(task, execution));
  }

  /**
   * Adds up each slice of a tensor along an axis, by SPEC.md ("Reductions"): the same bits on every
   * backend. An infinity makes its slice's sum infinite.
   *
   * @return the sums, as many as the axis is long; 0 for slices without elements
   * @throws dev.coppice.NanWeightsException if an element is NaN, with the tensor's first
   * @throws dev.coppice.PruningCancelledException if the execution was cancelled
   * @throws dev.coppice.DeviceOutOfMemoryException if the device has too little for even a chunk
   */
  double[] sliceSums(Weights weights, int axis, Summand summand, Execution execution)
      throws IOException;

  /**
   * Gives lines that tell people more of what it runs on, such as a device's memory, driver and
   * measured bandwidth; may take a second.
   */
  default List<String> details() {
    return List.of();
  }

  /** Gives back what it holds; idempotent. */
  @Override
  void close();
}
