package dev.coppice.sparse;

import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Weights as they come: the baseline, and what is used where nothing else is faster. Whoever owns
 * the tensor's memory keeps it unchanged.
 *
 * @param weights [out, in], of any size and anywhere, on a device too
 */
public record Dense(Tensor weights) implements LinearWeights {
  /** Refuses tensors that are not [out, in]. */
  public Dense {
    if (weights.onDevice().isEmpty()) {
      Rows.of(weights);
    } else if (weights.shape().rank() != 2 || weights.shape().elements() == 0) {
      throw new IllegalArgumentException(
          "the weights of a linear layer are [out, in], not " + weights.shape());
    }
  }

  static Dense of(StoredParts stored) {
    long elements = Math.multiplyExact(stored.out(), stored.in());
    long bytes = Math.multiplyExact(elements, (long) stored.dtype().bytes());
    return new Dense(
        Tensor.of(stored.dtype(), stored.part("values", bytes), stored.out(), stored.in()));
  }

  @Override
  public Format format() {
    return Format.DENSE;
  }

  @Override
  public DType dtype() {
    return weights.dtype();
  }

  @Override
  public long out() {
    return weights.shape().dimension(0);
  }

  @Override
  public int in() {
    return (int) weights.shape().dimension(1);
  }

  @Override
  public long bytes() {
    return weights.shape().elements() * dtype().bytes();
  }

  /**
   * {@inheritDoc} One part, {@code values}; a copy, unless the tensor lies in direct memory.
   *
   * @throws IllegalArgumentException if the tensor takes 2 GiB or more
   * @throws IllegalStateException if it lies on a device
   */
  @Override
  public List<Part> parts() {
    ByteBuffer copy = null;
    if (bytes() <= Integer.MAX_VALUE) {
      copy = weights.view(0, (int) weights.shape().elements()).orElse(null);
    }
    if (copy == null) {
      copy = Part.allocate("values", bytes());
      weights.read(0, copy);
    }
    return List.of(new Part("values", dtype().name(), Shape.of(out(), in()), copy));
  }

  @Override
  public void row(long row, ByteBuffer into) {
    weights.read(row * in(), into.slice(into.position(), in() * dtype().bytes()));
  }

  /** Gives the tensor itself. */
  @Override
  public Tensor decompress() {
    return weights;
  }
}
