package dev.coppice.evaluation;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.TensorInfo;
import dev.coppice.graph.Calibration.Activation;
import java.nio.DoubleBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/** What a model gave as one of its outputs, held after the run. */
sealed interface Answer {
  List<Long> shape();

  /** Numbers that another order of summation changes. */
  record Floats(List<Long> shape, FloatBuffer values) implements Answer {}

  /**
   * Integers, booleans or text.
   *
   * @param values nested arrays of them
   */
  record Exact(List<Long> shape, Object values) implements Answer {
    boolean isSame(Exact other) {
      return Objects.deepEquals(values, other.values);
    }
  }

  /** Copies an output; nothing but tensors can be. */
  static Answer of(OnnxValue value) throws OrtException {
    OnnxTensor tensor = (OnnxTensor) value;
    TensorInfo info = tensor.getInfo();
    List<Long> shape = Arrays.stream(info.getShape()).boxed().toList();
    return switch (info.type) {
      case FLOAT, FLOAT16, BFLOAT16 -> new Floats(shape, tensor.getFloatBuffer());
      case DOUBLE -> new Floats(shape, narrowed(tensor.getDoubleBuffer()));
      default -> new Exact(shape, tensor.getValue());
    };
  }

  /** Copies what is valid until the next run. */
  static Answer of(Activation activation) {
    FloatBuffer values = activation.values().duplicate();
    return new Floats(
        activation.shape(), FloatBuffer.allocate(values.remaining()).put(values).flip());
  }

  private static FloatBuffer narrowed(DoubleBuffer wide) {
    FloatBuffer values = FloatBuffer.allocate(wide.remaining());
    while (wide.hasRemaining()) {
      values.put((float) wide.get());
    }
    return values.flip();
  }
}
