package dev.coppice.spi;

import dev.coppice.Tensor;
import java.util.OptionalLong;

/**
 * The product y = x W^T + b of one layer. Sums are F32 or wider whatever the type, and rounded
 * once; the order of summation is its own. Calls do not overlap: one thread at a time.
 */
public interface LinearOperator extends AutoCloseable {
  /**
   * Computes a product.
   *
   * @param x [batch, in], of the weights' type, where the operator runs
   * @param y [batch, out], overwritten; apart from x
   * @param stream on a device: where the work goes, and the call does not wait for it; empty: a
   *     stream of the operator's own, and it waits. Elsewhere it is not looked at
   */
  void apply(Tensor x, Tensor y, OptionalLong stream);

  /** Gives the bytes of weights, indices included, that a product reads. */
  long bytes();

  /** Gives back what it holds; idempotent. */
  @Override
  void close();
}
