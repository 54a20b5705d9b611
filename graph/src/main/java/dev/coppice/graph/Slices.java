package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.NanWeightsException;
import java.nio.ByteBuffer;

/** The slices of a tensor of floats along an axis. */
final class Slices {
  /** So large that infinities stay the largest, and so small that they can be added up. */
  static final double LARGEST = 1e280;

  private Slices() {}

  /** Gives the elements of each slice, in the order in which they are stored. */
  static float[][] vectors(TensorProto tensor, int axis) {
    int slices = (int) tensor.getDims(axis);
    int length = 1;
    for (int i = 0; i < tensor.getDimsCount(); i++) {
      length *= i == axis ? 1 : (int) tensor.getDims(i);
    }
    float[][] vectors = new float[slices][length];
    visit(tensor, axis, (slice, place, value) -> vectors[slice][place] = (float) value);
    return vectors;
  }

  /** Gives the distance between two sets of slices, as many in each. */
  static double distance(float[][] slices, int[] first, int[] second) {
    double squares = 0;
    for (int i = 0; i < first.length; i++) {
      float[] a = slices[first[i]];
      float[] b = slices[second[i]];
      for (int j = 0; j < a.length; j++) {
        double difference = a[j] == b[j] ? 0 : (double) a[j] - b[j];
        squares += difference * difference;
      }
    }
    return Math.min(Math.sqrt(squares), LARGEST);
  }

  /** Takes one element. */
  interface Visitor {
    /** Says which slice it is of, and where in the slice it stands. */
    void visit(int slice, int place, double value);
  }

  /**
   * Visits all elements, in the order in which they are stored.
   *
   * @throws NanWeightsException if one is NaN
   */
  static void visit(TensorProto tensor, int axis, Visitor visitor) {
    int slices = (int) tensor.getDims(axis);
    int inner = 1;
    for (int i = axis + 1; i < tensor.getDimsCount(); i++) {
      inner *= (int) tensor.getDims(i);
    }
    ByteBuffer bytes = TensorBytes.of(tensor);
    int count = bytes.remaining() / TensorBytes.width(tensor.getDataType());
    for (int i = 0; i < count; i++) {
      double value = TensorBytes.element(bytes, tensor.getDataType(), i);
      if (Double.isNaN(value)) {
        throw new NanWeightsException(tensor.getName(), i, false);
      }
      visitor.visit(i / inner % slices, i / inner / slices * inner + i % inner, value);
    }
  }
}
