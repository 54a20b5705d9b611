package dev.coppice.reference;

import dev.coppice.spi.SliceKernels;
import dev.coppice.spi.SliceKernelsContract;

class ReferenceKernelsTest extends SliceKernelsContract {
  @Override
  protected SliceKernels kernels() {
    return new ReferenceKernels();
  }
}
