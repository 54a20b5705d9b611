package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import org.jspecify.annotations.Nullable;

/**
 * A node that multiplies what flows into it with a matrix of weights, or with one for each of its
 * groups, and adds a bias.
 *
 * @param node the node
 * @param weight its matrices
 * @param groups how many there are
 * @param columns how many numbers each output sums over
 * @param outputs the outputs of a group
 * @param outputsFirst whether the matrix is stored output by output
 * @param factor what the weights are multiplied with
 * @param bias where the bias is, if it has one or can get one
 */
record Product(
    Node node,
    TensorProto weight,
    int groups,
    int columns,
    int outputs,
    boolean outputsFirst,
    double factor,
    @Nullable Bias bias) {
  /** Says that a node is no product whose weights can be fitted. */
  static final class Unfit extends Exception {
    private static final long serialVersionUID = 1;

    Unfit(String reason) {
      super(reason);
    }

    /** Gives why. */
    String reason() {
      return String.valueOf(getMessage());
    }
  }

  /** Gives what comes out, the bias added. */
  String output() {
    return (bias == null ? node : bias.node()).output(0);
  }

  /** Gives the axis of {@link #output} that has the outputs of all groups. */
  int outputAxis(Shapes shapes) {
    long[] shape = shapes.of(output());
    return node.op().equals("Conv") || shape == null ? 1 : shape.length - 1;
  }

  /** Gives where in the weights a coefficient is. */
  int position(int group, int column, int output) {
    return outputsFirst ? (group * outputs + output) * columns + column : column * outputs + output;
  }

  /**
   * Looks at a Conv, Gemm or MatMul.
   *
   * @throws Unfit if its weights cannot be fitted
   */
  static Product of(Graph graph, Uses uses, Node node) throws Unfit {
    TensorProto weight = graph.tensor(node.input(1));
    if (weight == null) {
      throw new Unfit("its weights are not its second input");
    }
    if (weight.getDataType() != DataType.FLOAT.getNumber()) {
      throw new Unfit("its weights are not of type FLOAT");
    }
    if (uses.count(weight.getName()) > 1) {
      throw new Unfit("its weights are used elsewhere too");
    }
    Product product =
        switch (node.op()) {
          case "Conv" -> conv(graph, uses, node, weight);
          case "Gemm" -> gemm(graph, uses, node, weight);
          case "MatMul" -> matMul(graph, uses, node, weight);
          default -> throw new Unfit("weights of " + node.op() + " are not fitted");
        };
    if (product.columns() > Repairer.MOST_COLUMNS) {
      throw new Unfit(
          "each output sums over %d numbers, and %d is the most"
              .formatted(product.columns(), Repairer.MOST_COLUMNS));
    }
    return product;
  }

  private static Product conv(Graph graph, Uses uses, Node node, TensorProto weight) throws Unfit {
    long[] dims = TensorBytes.dims(weight);
    if (dims.length > 4) {
      throw new Unfit("it is a convolution over more than two axes");
    }
    int groups = (int) node.integer("group", 1);
    int outputs = (int) dims[0];
    int columns = TensorBytes.elements(weight) / outputs;
    Bias bias = bias(graph, uses, node, outputs);
    return new Product(node, weight, groups, columns, outputs / groups, true, 1, bias);
  }

  private static Product gemm(Graph graph, Uses uses, Node node, TensorProto weight) throws Unfit {
    if (node.integer("transA", 0) != 0) {
      throw new Unfit("its input is turned round");
    }
    boolean outputsFirst = node.integer("transB", 0) != 0;
    int columns = (int) weight.getDims(outputsFirst ? 1 : 0);
    int outputs = (int) weight.getDims(outputsFirst ? 0 : 1);
    double alpha = node.real("alpha", 1);
    if (alpha == 0 || node.real("beta", 1) == 0) {
      throw new Unfit("it multiplies with zero");
    }
    Bias bias = bias(graph, uses, node, outputs);
    return new Product(node, weight, 1, columns, outputs, outputsFirst, alpha, bias);
  }

  private static Bias bias(Graph graph, Uses uses, Node node, int outputs) throws Unfit {
    return Bias.of(node, graph, uses, outputs)
        .orElseThrow(() -> new Unfit("its bias is not one number for each output"));
  }

  private static Product matMul(Graph graph, Uses uses, Node node, TensorProto weight)
      throws Unfit {
    if (weight.getDimsCount() != 2) {
      throw new Unfit("its weights are a stack of matrices");
    }
    int columns = (int) weight.getDims(0);
    int outputs = (int) weight.getDims(1);
    Bias found = bias(graph, uses, node, outputs);
    // No node is added: it could keep ONNX Runtime from finding a fusion.
    Bias bias = found.node() == node ? null : found;
    return new Product(node, weight, 1, columns, outputs, false, 1, bias);
  }
}
