package dev.coppice.cuda;

import jcuda.driver.CUstream;

/** How a library computes the product of one layer. Called with the context current. */
interface LibraryProduct {
  /**
   * Where a call's operands lie on the device.
   *
   * @param batch the rows of both
   * @param added whether y holds what the product is added to
   */
  record Operands(long x, long y, long batch, boolean added) {
    /** Gives what y is multiplied by before the product is added. */
    float beta() {
      return added ? 1 : 0;
    }
  }

  /** Gives the bytes of weights, indices included, that a product reads. */
  long bytes();

  /** Puts y = x W^T, or y += x W^T, into the stream. */
  void enqueue(Operands operands, CUstream stream);
}
