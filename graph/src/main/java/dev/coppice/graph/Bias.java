package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where a product's outputs get a number each added to them.
 *
 * @param node the product, or the Add behind it; a MatMul that has none gets one
 * @param input which of its inputs
 * @param tensor what is there now, if anything is
 * @param factor what it is multiplied by
 */
record Bias(Node node, int input, @Nullable TensorProto tensor, double factor) {
  /** Gives the place of a bias; nothing where what is there now is something else. */
  static Optional<Bias> of(Node node, Graph graph) {
    if (node.op().equals("MatMul")) {
      return Optional.of(behind(node, graph).orElse(new Bias(node, 2, null, 1)));
    }
    double factor = node.op().equals("Gemm") ? node.real("beta", 1) : 1;
    TensorProto tensor = graph.tensor(node.input(2));
    boolean fits = node.input(2).isEmpty() || (tensor != null && isVector(tensor));
    return fits && factor != 0 ? Optional.of(new Bias(node, 2, tensor, factor)) : Optional.empty();
  }

  private static Optional<Bias> behind(Node node, Graph graph) {
    Node next = new Uses(graph).only(node.output(0));
    if (next == null || !next.op().equals("Add")) {
      return Optional.empty();
    }
    int input = next.input(0).equals(node.output(0)) ? 1 : 0;
    TensorProto tensor = graph.tensor(next.input(input));
    return tensor != null && isVector(tensor)
        ? Optional.of(new Bias(next, input, tensor, 1))
        : Optional.empty();
  }

  private static boolean isVector(TensorProto tensor) {
    return tensor.getDimsCount() == 1 && tensor.getDataType() == DataType.FLOAT.getNumber();
  }
}
