package dev.coppice.benchmarks;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.Weights;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import jcuda.driver.CUstream;

/** Weights on the device, side by side, and what they are before each sample. */
final class GpuModel implements AutoCloseable {
  /** One tensor as the backend sees it. */
  private record OnDevice(String name, DType dtype, Shape shape, DeviceAddress address)
      implements Weights {
    @Override
    public Axes axes() {
      return new Axes(0, 1);
    }

    @Override
    public Optional<DeviceAddress> onDevice() {
      return Optional.of(address);
    }

    @Override
    public void read(long first, ByteBuffer into) {
      throw new IllegalStateException("weights on a device are not read through buffers");
    }

    @Override
    public void write(long first, ByteBuffer from) {
      throw new IllegalStateException("weights on a device are not written through buffers");
    }
  }

  private final DType dtype;
  private final GpuBuffer original;
  private final GpuBuffer work;
  private final List<Weights> weights = new ArrayList<>();
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final long elements;

  GpuModel(DType dtype, Input input, List<Shape> shapes) {
    this.dtype = dtype;
    this.elements = shapes.stream().mapToLong(Shape::elements).sum();
    this.original = new GpuBuffer(elements * dtype.bytes());
    this.work = new GpuBuffer(elements * dtype.bytes());
    original.fill(input, dtype);
    long at = work.address();
    for (Shape shape : shapes) {
      String name = "t%04d.weight".formatted(weights.size());
      weights.add(new OnDevice(name, dtype, shape, new DeviceAddress(0, at)));
      tensors.put(name, Tensor.ofDevice(dtype, 0, at, this, shape.toArray()));
      at += shape.elements() * dtype.bytes();
    }
  }

  /** Gives one tensor of that many weights, a multiple of 4. */
  static List<Shape> single(long weights) {
    long columns = weights % 4096 == 0 ? 4096 : weights % 1000 == 0 ? 1000 : 4;
    return List.of(Shape.of(weights / columns, columns));
  }

  /**
   * Gives 200 tensors of 110 million weights, of the sizes that layers of a small transformer have;
   * with {@code divisor}, about so many times fewer weights.
   */
  static List<Shape> layers(int divisor) {
    List<Shape> shapes = new ArrayList<>();
    for (int layer = 0; layer < 20; layer++) {
      for (int i = 0; i < 4; i++) {
        shapes.add(Shape.of(768 / divisor, 768));
      }
      shapes.add(Shape.of(768 / divisor, 3072));
      for (int i = 0; i < 5; i++) {
        shapes.add(Shape.of(152, 1024 / divisor));
      }
    }
    return shapes;
  }

  DType dtype() {
    return dtype;
  }

  long elements() {
    return elements;
  }

  long bytes() {
    return work.bytes();
  }

  List<Weights> weights() {
    return weights;
  }

  Map<String, Tensor> tensors() {
    return tensors;
  }

  /** Makes the weights what they were, in the stream's order. */
  void restore(CUstream stream) {
    work.copy(original, stream);
  }

  @Override
  public void close() {
    work.close();
    original.close();
  }
}
