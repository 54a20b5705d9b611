package dev.coppice.benchmarks;

import java.nio.ByteBuffer;

/** A library's product y = x W^T of dense weights of F32, to be measured against. */
interface DenseProduct extends AutoCloseable {
  /** Makes it compute y [batch, out] of x [batch, in], both in direct memory, when it is run. */
  Runnable on(ByteBuffer x, ByteBuffer y, int batch);

  @Override
  void close();
}
