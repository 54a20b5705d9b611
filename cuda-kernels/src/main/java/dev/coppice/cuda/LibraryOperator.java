package dev.coppice.cuda;

import dev.coppice.Tensor;
import dev.coppice.spi.LinearOperator;
import java.lang.ref.Reference;
import java.util.Optional;
import java.util.OptionalLong;
import jcuda.driver.CUstream;

/** A layer whose product a library computes; the bias is put into y first, by a kernel of ours. */
final class LibraryOperator implements LinearOperator {
  private final LibraryHoldings<?> held;
  private final LibraryProduct product;
  private final Optional<RowBroadcast> bias;
  private final long mostBatch;
  private final CudaStream own;
  private final Handle handle;
  private long lastStream;

  /**
   * @param held what product and bias hold too
   * @param own the stream for calls that name none
   */
  LibraryOperator(
      String name,
      LibraryHoldings<?> held,
      LibraryProduct product,
      Optional<RowBroadcast> bias,
      long mostBatch,
      CudaStream own) {
    this.held = held;
    this.product = product;
    this.bias = bias;
    this.mostBatch = mostBatch;
    this.own = own;
    this.handle = new Handle(this, "a product of " + name, held::close);
  }

  @Override
  public void apply(Tensor x, Tensor y, OptionalLong stream) {
    if (handle.isClosed()) {
      throw new IllegalStateException("a product is used after it was closed");
    }
    long batch = x.shape().dimension(0);
    if (batch > mostBatch) {
      throw new IllegalArgumentException(
          "x may have %d rows at most, as was said before, not %d".formatted(mostBatch, batch));
    }
    LibraryProduct.Operands operands =
        new LibraryProduct.Operands(held.addressOf(x), held.addressOf(y), batch, bias.isPresent());
    try {
      held.context().run(() -> enqueue(operands, stream));
    } finally {
      Reference.reachabilityFence(x);
      Reference.reachabilityFence(y);
      Reference.reachabilityFence(this);
    }
  }

  private void enqueue(LibraryProduct.Operands operands, OptionalLong stream) {
    CUstream into = stream.isPresent() ? RawStream.of(stream.getAsLong()) : own.stream();
    takeTurns(RawStream.handle(into));
    synchronized (held.lock()) {
      bias.ifPresent(b -> b.enqueue(operands.y(), operands.batch(), into));
      product.enqueue(operands, into);
    }
    if (stream.isEmpty()) {
      own.await();
    }
  }

  /** The product's workspace is one: a call in another stream waits for those before it. */
  private void takeTurns(long stream) {
    if (stream != lastStream) {
      held.context().synchronize();
    }
    lastStream = stream;
  }

  @Override
  public long bytes() {
    return product.bytes();
  }

  @Override
  public void close() {
    handle.close();
  }
}
