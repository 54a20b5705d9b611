package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * The weights of a product as a matrix of inputs and outputs, or of a window for each pair.
 *
 * @param tensor of 32-bit floats
 * @param inAxis the axis that is summed over, 0 or 1
 * @param groups how many groups of outputs there are, each with inputs of its own
 * @param factor what the weights are multiplied by
 */
record Weights(TensorProto tensor, int inAxis, int groups, double factor) {
  /** Takes one weight. */
  interface Visitor {
    /** Says which channel flows in, which output it is added to, and times what. */
    void visit(int channel, int output, double weight);
  }

  /** Gives the weights of a Conv, Gemm or MatMul whose second input they are. */
  static Optional<Weights> of(Node node, Graph graph) {
    TensorProto tensor = graph.tensor(node.input(1));
    if (tensor == null || tensor.getDataType() != DataType.FLOAT.getNumber()) {
      return Optional.empty();
    }
    return switch (node.op()) {
      case "Conv" -> Optional.of(new Weights(tensor, 1, (int) node.integer("group", 1), 1));
      case "Gemm" -> {
        int in = node.integer("transB", 0) != 0 ? 1 : 0;
        boolean turned = node.integer("transA", 0) != 0;
        yield turned
            ? Optional.empty()
            : Optional.of(new Weights(tensor, in, 1, node.real("alpha", 1)));
      }
      case "MatMul" ->
          tensor.getDimsCount() == 2 ? Optional.of(new Weights(tensor, 0, 1, 1)) : Optional.empty();
      default -> Optional.empty();
    };
  }

  int outputs() {
    return (int) tensor.getDims(1 - inAxis);
  }

  /** Visits all weights that are not zero. */
  void visit(Visitor visitor) {
    int inputs = (int) tensor.getDims(inAxis);
    int outputs = outputs();
    ByteBuffer bytes = TensorBytes.of(tensor);
    int count = bytes.remaining() / 4;
    int window = Math.max(1, count / Math.max(1, inputs * outputs));
    for (int i = 0; i < count; i++) {
      float weight = bytes.getFloat(4 * i);
      if (weight != 0) {
        int place = i / window;
        int output = inAxis == 1 ? place / inputs : place % outputs;
        int input = inAxis == 1 ? place % inputs : place / outputs;
        visitor.visit(output / (outputs / groups) * inputs + input, output, factor * weight);
      }
    }
  }
}
