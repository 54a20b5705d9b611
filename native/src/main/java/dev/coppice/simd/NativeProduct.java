package dev.coppice.simd;

import dev.coppice.ProgressListener;
import dev.coppice.Tensor;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Execution;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import java.util.OptionalLong;

/** The product of one layer, cut into stretches of its rows. */
final class NativeProduct implements LinearOperator {
  /** Rows of x that are multiplied at once. */
  private static final int MOST_ROWS = 256;

  private static final int MOST_BYTES = 1 << 30;

  /** Work that is worth a thread's waking up: what a thread reads in some 20 microseconds. */
  private static final long WORTHWHILE_BYTES = 512 << 10;

  private static final int STRETCHES_PER_THREAD = 4;

  private static final int ROWS_WORTH_THREADS = 16;
  private static final int COLUMNS_ORDERED = 2048;

  private final NativeWeights weights;
  private final long bytes;
  private final Execution execution;
  private final int rowsAtOnce;
  private ByteBuffer inputs = direct(0);
  private final WorkPool.Worker own = new WorkPool.Worker();
  private ByteBuffer stagedX = direct(0);
  private ByteBuffer stagedY = direct(0);
  private boolean closed;

  NativeProduct(NativeWeights weights, int threads) {
    this.weights = weights;
    LinearWeights layer = weights.weights();
    this.bytes = layer.bytes();
    long widest = Math.max(layer.in() + 127L, layer.out()) * Float.BYTES;
    if (widest > MOST_BYTES) {
      throw new IllegalArgumentException(
          "a row of x or y must be less than 1 GiB as F32, not %d bytes".formatted(widest));
    }
    this.rowsAtOnce = (int) Math.min(MOST_ROWS, MOST_BYTES / widest);
    this.execution =
        new Execution(
            WorkPool.shared(), threads, Execution.SLICE_BYTES, () -> false, ProgressListener.NONE);
  }

  @Override
  public void apply(Tensor x, Tensor y, OptionalLong stream) {
    if (closed) {
      throw new IllegalStateException("the operator is closed");
    }
    int batch = Math.toIntExact(x.shape().dimension(0));
    try {
      for (int b = 0; b < batch; b += rowsAtOnce) {
        multiply(x, y, b, Math.min(rowsAtOnce, batch - b));
      }
    } finally {
      Reference.reachabilityFence(weights);
    }
  }

  private void multiply(Tensor x, Tensor y, long first, int batch) {
    int in = weights.weights().in();
    int out = (int) weights.weights().out();
    ByteBuffer from = x.view(first * in, batch * in).orElse(null);
    if (from == null) {
      from = stagedX = room(stagedX, batch * in * x.dtype().bytes());
      x.read(first * in, from);
    }
    Optional<ByteBuffer> to = y.view(first * out, batch * out);
    long[] layer = weights.description();
    inputs = room(inputs, Math.toIntExact(CoppiceNative.coppice_linear_inputs_bytes(layer, batch)));
    order(from, batch);
    if (to.isPresent()) {
      product(batch, to.get());
    } else {
      stagedY = room(stagedY, batch * out * y.dtype().bytes());
      product(batch, stagedY);
      y.write(first * out, stagedY);
    }
  }

  /** Brings x into the order that the kernels read: of many rows, on all threads. */
  private void order(ByteBuffer x, int batch) {
    int in = weights.weights().in();
    long stretch = batch < ROWS_WORTH_THREADS ? in : COLUMNS_ORDERED;
    forEach(
        (in + stretch - 1) / stretch,
        (index, worker) ->
            CoppiceNative.coppice_linear_inputs(
                weights.description(),
                x,
                batch,
                index * stretch,
                Math.min(in, (index + 1) * stretch),
                inputs));
  }

  private void product(int batch, ByteBuffer y) {
    int scratchBytes = (int) CoppiceNative.coppice_linear_scratch_bytes(batch);
    Stretches stretches = stretches(batch);
    forEach(
        stretches.count(),
        (index, worker) ->
            CoppiceNative.coppice_linear(
                weights.description(),
                inputs,
                batch,
                stretches.first(index),
                stretches.end(index),
                y,
                worker.buffer(scratchBytes)));
  }

  /** Runs a body on this thread, and on others of the pool where there is more than one. */
  private void forEach(long count, WorkPool.Body body) {
    try {
      execution.share(count, own, body);
    } catch (IOException e) {
      throw new UncheckedIOException(e); // Nothing here reads a file.
    }
  }

  private Stretches stretches(int batch) {
    int threads = execution.threads();
    long work = weights.bytesBefore(weights.weights().out()) * Math.max(1, batch / 8);
    long count = Math.min((long) threads * STRETCHES_PER_THREAD, work / WORTHWHILE_BYTES);
    return Stretches.of(weights, threads == 1 ? 1 : (int) Math.max(1, count));
  }

  private static ByteBuffer room(ByteBuffer held, int bytes) {
    return (held.capacity() < bytes ? direct(bytes) : held).clear().limit(bytes);
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes + 2 * 64)
        .alignedSlice(64)
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    closed = true;
  }
}
