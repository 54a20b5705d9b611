package dev.coppice.evaluation.data;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import dev.coppice.evaluation.OnnxModel;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * What goes into one input of a model.
 *
 * @param shape with the samples of the batch along its first axis
 * @param data the numbers, row-major, from position 0 to the capacity
 */
record InputValues(NumberType type, List<Long> shape, ByteBuffer data) {

  /** Makes zeros for so many samples of a shape, which must be bounded. */
  static InputValues zeros(NumberType type, int samples, List<Long> sample) {
    List<Long> shape = new ArrayList<>(List.of((long) samples));
    shape.addAll(sample);
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    int bytes = Math.toIntExact(Math.multiplyExact(elements, type.bytes()));
    return new InputValues(
        type, shape, ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN));
  }

  /** Makes a tensor that shares the numbers. */
  OnnxTensor tensor() throws OrtException {
    return OnnxTensor.createTensor(
        OnnxModel.ENVIRONMENT,
        data.duplicate().order(ByteOrder.LITTLE_ENDIAN).clear(),
        shape.stream().mapToLong(Long::longValue).toArray(),
        type.onnx());
  }
}
