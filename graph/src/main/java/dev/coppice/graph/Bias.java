package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Where a product's outputs get a number each added to them.
 *
 * @param node the product, or the Add behind it; a MatMul that has none would get one
 * @param input which of its inputs
 * @param tensor what is there now, if anything is
 * @param factor what it is multiplied by
 */
record Bias(Node node, int input, @Nullable TensorProto tensor, double factor) {
  /**
   * Gives the place of a bias; nothing where what is there now is something else.
   *
   * @param outputs how many outputs the product has
   */
  static Optional<Bias> of(Node node, Graph graph, Uses uses, int outputs) {
    if (node.op().equals("MatMul")) {
      return Optional.of(behind(node, graph, uses, outputs).orElse(new Bias(node, 2, null, 1)));
    }
    double factor = node.op().equals("Gemm") ? node.real("beta", 1) : 1;
    TensorProto tensor = graph.tensor(node.input(2));
    boolean fits = node.input(2).isEmpty() || (tensor != null && isPerOutput(tensor, outputs));
    return fits && factor != 0 ? Optional.of(new Bias(node, 2, tensor, factor)) : Optional.empty();
  }

  private static Optional<Bias> behind(Node node, Graph graph, Uses uses, int outputs) {
    Node next = uses.only(node.output(0));
    if (next == null || !next.op().equals("Add")) {
      return Optional.empty();
    }
    int input = next.input(0).equals(node.output(0)) ? 1 : 0;
    TensorProto tensor = graph.tensor(next.input(input));
    return tensor != null && isPerOutput(tensor, outputs)
        ? Optional.of(new Bias(next, input, tensor, 1))
        : Optional.empty();
  }

  private static boolean isPerOutput(TensorProto tensor, int outputs) {
    int rank = tensor.getDimsCount();
    int count = TensorBytes.elements(tensor);
    return tensor.getDataType() == DataType.FLOAT.getNumber()
        && (count == 1 || (count == outputs && rank > 0 && tensor.getDims(rank - 1) == outputs));
  }

  /** Gives what is there now for each output, the factor left out. */
  double[] values(int outputs) {
    double[] now = tensor == null ? new double[1] : TensorBytes.numbers(tensor);
    double[] values = new double[outputs];
    Arrays.setAll(values, i -> now[now.length == 1 ? 0 : i]);
    return values;
  }

  /** Makes a tensor without a name that can stand in the place of the one that is there now. */
  TensorProto with(double[] values) {
    long[] dims =
        tensor == null || tensor.getDimsCount() == 0 ? new long[1] : TensorBytes.dims(tensor);
    dims[dims.length - 1] = values.length;
    return TensorBytes.floats(values, dims);
  }
}
