package dev.coppice;

import java.util.concurrent.CancellationException;

/**
 * The pruning was cancelled; a checkpoint that it was writing is gone, tensors in memory may be
 * partly pruned.
 */
public final class PruningCancelledException extends CancellationException {
  private static final long serialVersionUID = 1;

  /** Makes the exception. */
  public PruningCancelledException() {
    super("the pruning was cancelled");
  }
}
