package dev.coppice.spi;

/**
 * Masks that third parties made, and that every implementation of {@link SliceKernels} must give.
 */
public abstract class GoldenMasksContract {
  /** Gives the implementation under test. */
  protected abstract SliceKernels kernels();
}
