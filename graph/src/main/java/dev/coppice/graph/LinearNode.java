package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.coppice.DType;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * A MatMul or Gemm that is y = x W^T + b of constant weights, with the Add of its bias behind it.
 *
 * @param node the product
 * @param weights a matrix of 32-bit floats
 * @param turned whether the weights are [in, out]
 * @param bias the name of a constant [out]; empty if there is none
 * @param add the Add of the bias, if that is a node of its own
 */
record LinearNode(Node node, TensorProto weights, boolean turned, String bias, @Nullable Node add) {
  /** A part of the transposition that stays in the processor's first cache. */
  private static final int BLOCK = 32;

  /** Why a product stays as it is. */
  static final class Unsuited extends Exception {
    private static final long serialVersionUID = 1;

    Unsuited(String why) {
      super(why, null, false, false);
    }
  }

  /** Whether a node multiplies by constant weights on its right. */
  static boolean isProduct(Node node, Graph graph) {
    return (node.op().equals("MatMul") || node.op().equals("Gemm"))
        && graph.tensor(node.input(1)) != null;
  }

  /** Looks at a product by constant weights. */
  static LinearNode of(Node node, Graph graph, Uses uses) throws Unsuited {
    TensorProto weights = graph.tensor(node.input(1));
    if (weights == null || graph.inputs().containsKey(node.input(1))) {
      throw new Unsuited("its weights can be changed from outside, as an input of the graph");
    }
    if (weights.getDataType() != DataType.FLOAT.getNumber()) {
      throw new Unsuited(
          "its weights are "
              + DataType.forNumber(weights.getDataType())
              + ", and the operator is for 32-bit floats");
    }
    if (weights.getDimsCount() != 2 || TensorBytes.elements(weights) == 0) {
      throw new Unsuited("its weights are no matrix");
    }
    return node.op().equals("Gemm")
        ? ofGemm(node, graph, weights)
        : ofMatMul(node, graph, uses, weights);
  }

  private static LinearNode ofGemm(Node node, Graph graph, TensorProto weights) throws Unsuited {
    boolean biased = !node.input(2).isEmpty();
    if (node.integer("transA", 0) != 0) {
      throw new Unsuited("its input is transposed");
    }
    if (node.real("alpha", 1) != 1 || (biased && node.real("beta", 1) != 1)) {
      throw new Unsuited("it scales its sums (alpha or beta)");
    }
    boolean turned = node.integer("transB", 0) == 0;
    LinearNode made = new LinearNode(node, weights, turned, node.input(2), null);
    if (biased && !isBias(graph, node.input(2), made.out())) {
      throw new Unsuited("its bias is not one constant number for each output");
    }
    return made;
  }

  private static LinearNode ofMatMul(Node node, Graph graph, Uses uses, TensorProto weights) {
    LinearNode bare = new LinearNode(node, weights, true, "", null);
    Node next = uses.only(node.output(0));
    if (next != null && next.op().equals("Add")) {
      String other = next.input(next.input(0).equals(node.output(0)) ? 1 : 0);
      if (isBias(graph, other, bare.out())) {
        return new LinearNode(node, weights, true, other, next);
      }
    }
    return bare;
  }

  private static boolean isBias(Graph graph, String name, long out) {
    TensorProto tensor = graph.tensor(name);
    return tensor != null
        && !graph.inputs().containsKey(name)
        && tensor.getDataType() == DataType.FLOAT.getNumber()
        && tensor.getDimsCount() == 1
        && tensor.getDims(0) == out;
  }

  long out() {
    return weights.getDims(turned ? 1 : 0);
  }

  long in() {
    return weights.getDims(turned ? 0 : 1);
  }

  /** Gives the name of the value that the layer makes. */
  String output() {
    return (add == null ? node : add).output(0);
  }

  /** Gives the weights as [out, in]. */
  Tensor matrix() {
    ByteBuffer bytes = TensorBytes.of(weights);
    ByteBuffer rows = ByteBuffer.allocate(bytes.remaining()).order(ByteOrder.LITTLE_ENDIAN);
    if (turned) {
      transpose(bytes, rows, (int) in(), (int) out());
    } else {
      rows.put(0, bytes, bytes.position(), bytes.remaining());
    }
    return Tensor.of(DType.F32, rows, out(), in());
  }

  private static void transpose(ByteBuffer from, ByteBuffer to, int rows, int columns) {
    for (int row = 0; row < rows; row += BLOCK) {
      for (int column = 0; column < columns; column += BLOCK) {
        for (int r = row; r < Math.min(rows, row + BLOCK); r++) {
          for (int c = column; c < Math.min(columns, column + BLOCK); c++) {
            to.putInt(4 * (c * rows + r), from.getInt(4 * (r * columns + c)));
          }
        }
      }
    }
  }

  /** Counts the weights that are zero. */
  long zeros() {
    ByteBuffer bytes = TensorBytes.of(weights);
    long zeros = 0;
    while (bytes.hasRemaining()) {
      zeros += bytes.getInt() == 0 ? 1 : 0;
    }
    return zeros;
  }
}
