package dev.coppice;

import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.Weights;
import java.nio.ByteBuffer;
import java.util.Optional;

/** A tensor in memory as a backend sees it. */
record TensorWeights(Selection.Taken taken, Tensor tensor) implements Weights {
  static CheckpointTensor describe(String name, Tensor tensor) {
    int rank = tensor.shape().rank();
    Role role =
        rank > 5
            ? new Role.Ambiguous("a tensor of rank " + rank + " has no known layout")
            : new Role.Weight(new Axes(0, rank < 2 ? 0 : 1));
    return new CheckpointTensor(
        name,
        "",
        tensor.dtype().name(),
        Optional.of(tensor.dtype()),
        tensor.shape(),
        tensor.shape().elements() * tensor.dtype().bytes(),
        role);
  }

  @Override
  public String name() {
    return taken.tensor().name();
  }

  @Override
  public DType dtype() {
    return tensor.dtype();
  }

  @Override
  public Shape shape() {
    return tensor.shape();
  }

  @Override
  public Axes axes() {
    return taken.axes();
  }

  @Override
  public Optional<ByteBuffer> view(long first, int count) {
    return tensor.memory().view(first * dtype().bytes(), count * dtype().bytes());
  }

  @Override
  public Optional<DeviceAddress> onDevice() {
    return tensor.memory().onDevice();
  }

  @Override
  public void read(long first, ByteBuffer into) {
    tensor.memory().read(first * dtype().bytes(), into);
  }

  @Override
  public void write(long first, ByteBuffer from) {
    tensor.memory().write(first * dtype().bytes(), from);
  }
}
