package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.spi.Backend;
import dev.coppice.spi.ChunkedSum;
import dev.coppice.spi.Execution;
import dev.coppice.spi.Summand;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the slices of tensors add up to, computed by a backend; of 64-bit floats, which none takes,
 * here, in the same order.
 */
final class SliceSums {
  private final Backend backend;

  SliceSums(Backend backend) {
    this.backend = backend;
  }

  /** Gives the name of the backend. */
  String backend() {
    return backend.name();
  }

  /**
   * Gives the sum of each slice of a tensor of floats along an axis, {@link Slices#LARGEST} at
   * most.
   *
   * @throws dev.coppice.NanWeightsException if an element is NaN
   */
  double[] of(TensorProto tensor, int axis, Summand summand) {
    Optional<DType> dtype = dtype(tensor);
    double[] sums =
        dtype.isPresent()
            ? onBackend(new Initializer(tensor, dtype.get(), TensorBytes.of(tensor)), axis, summand)
            : here(tensor, axis, summand);
    return Arrays.stream(sums).map(sum -> Math.min(sum, Slices.LARGEST)).toArray();
  }

  private double[] onBackend(Weights weights, int axis, Summand summand) {
    WorkPool pool = WorkPool.shared();
    Execution execution =
        new Execution(
            pool, pool.threads(), Execution.SLICE_BYTES, () -> false, (phase, done, total) -> {});
    try {
      return backend.sliceSums(weights, axis, summand, execution);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static double[] here(TensorProto tensor, int axis, Summand summand) {
    ChunkedSum[] sums =
        Stream.generate(ChunkedSum::new).limit(tensor.getDims(axis)).toArray(ChunkedSum[]::new);
    Slices.visit(tensor, axis, (slice, place, value) -> sums[slice].add(summand.of(value)));
    return Arrays.stream(sums).mapToDouble(ChunkedSum::take).toArray();
  }

  private static Optional<DType> dtype(TensorProto tensor) {
    return switch (DataType.forNumber(tensor.getDataType())) {
      case FLOAT -> Optional.of(DType.F32);
      case FLOAT16 -> Optional.of(DType.F16);
      case BFLOAT16 -> Optional.of(DType.BF16);
      default -> Optional.empty();
    };
  }

  /** A tensor of a model as a backend sees it. */
  private record Initializer(TensorProto tensor, DType dtype, ByteBuffer bytes) implements Weights {
    @Override
    public String name() {
      return tensor.getName();
    }

    @Override
    public Shape shape() {
      return Shape.of(TensorBytes.dims(tensor));
    }

    @Override
    public Axes axes() {
      return new Axes(0, 0);
    }

    @Override
    public void read(long first, ByteBuffer into) {
      into.put(bytes.slice((int) (first * dtype.bytes()), into.remaining()));
    }

    @Override
    public void write(long first, ByteBuffer from) {
      throw new IllegalStateException("sums only read");
    }
  }
}
