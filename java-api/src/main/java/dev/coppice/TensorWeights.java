package dev.coppice;

import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.Weights;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;

/** A tensor in memory as a backend sees it. */
record TensorWeights(Selection.Taken taken, Tensor tensor) implements Weights {
  static List<CheckpointTensor> describe(Map<String, Tensor> tensors) {
    return tensors.entrySet().stream()
        .map(e -> CheckpointTensor.of(e.getKey(), e.getValue()))
        .toList();
  }

  /** Gives what finds a tensor that is taken among these. */
  static Function<Selection.Taken, Weights> among(Map<String, Tensor> tensors) {
    return t -> new TensorWeights(t, Objects.requireNonNull(tensors.get(t.tensor().name())));
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
    return tensor.view(first, count);
  }

  @Override
  public Optional<DeviceAddress> onDevice() {
    return tensor.onDevice();
  }

  @Override
  public void read(long first, ByteBuffer into) {
    tensor.read(first, into);
  }

  @Override
  public void write(long first, ByteBuffer from) {
    tensor.write(first, from);
  }
}
