package dev.coppice.spi;

import java.util.List;

/** Weights that a device is pruning. For one thread at a time. */
public interface PendingWeights extends AutoCloseable {
  /** Says whether the device is done with them. */
  boolean isDone();

  /**
   * Waits until the device is done, and gives what was done, in the order of the task's weights.
   *
   * @throws dev.coppice.NanWeightsException under {@link dev.coppice.NanPolicy#REFUSE}
   */
  List<WeightsResult> await();

  /** Waits until the device is done and gives back what the call holds; idempotent. */
  @Override
  void close();

  /** Gives what is done already. */
  static PendingWeights done(List<WeightsResult> results) {
    return new PendingWeights() {
      @Override
      public boolean isDone() {
        return true;
      }

      @Override
      public List<WeightsResult> await() {
        return results;
      }

      @Override
      public void close() {}
    };
  }
}
