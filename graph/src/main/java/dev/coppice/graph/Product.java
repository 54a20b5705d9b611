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
  /**
   * An input of a node that is added to each row.
   *
   * @param node the product itself, or the Add behind it
   * @param input which of its inputs
   * @param tensor what is there now, if anything is
   * @param factor what it is multiplied with
   */
  record Bias(Node node, int input, @Nullable TensorProto tensor, double factor) {
    /** Gives what is added to an output now. */
    double value(int output) {
      if (tensor == null) {
        return 0;
      }
      int count = TensorBytes.elements(tensor);
      return TensorBytes.element(
          TensorBytes.of(tensor), tensor.getDataType(), count == 1 ? 0 : output);
    }
  }

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

  /** Whether the node makes the bias's sum itself. */
  boolean addsBias() {
    return bias != null && bias.node() == node;
  }

  /** Gives what the node makes. */
  String output() {
    return node.output(0);
  }

  /** Gives the axis of {@link #output} that has the outputs of all groups. */
  int outputAxis(Shapes shapes) {
    long[] shape = shapes.of(output());
    return node.op().equals("Conv") || shape == null ? 1 : shape.length - 1;
  }

  /** Gives the axis of the weights that a product sums over. */
  static int inputAxis(Node node, TensorProto weight) {
    return switch (node.op()) {
      case "Conv" -> 1;
      case "ConvTranspose" -> 0;
      case "Gemm" -> node.integer("transB", 0) == 0 ? 0 : 1;
      default -> weight.getDimsCount() - 2;
    };
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
          case "Conv" -> conv(graph, node, weight);
          case "Gemm" -> gemm(graph, node, weight);
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

  private static Product conv(Graph graph, Node node, TensorProto weight) throws Unfit {
    long[] dims = TensorBytes.dims(weight);
    if (dims.length > 4) {
      throw new Unfit("it is a convolution over more than two axes");
    }
    int groups = (int) node.integer("group", 1);
    int outputs = (int) dims[0];
    int columns = TensorBytes.elements(weight) / outputs;
    Bias bias = bias(graph, node, outputs, 1);
    return new Product(node, weight, groups, columns, outputs / groups, true, 1, bias);
  }

  private static Product gemm(Graph graph, Node node, TensorProto weight) throws Unfit {
    if (node.integer("transA", 0) != 0) {
      throw new Unfit("its input is turned round");
    }
    boolean outputsFirst = node.integer("transB", 0) != 0;
    int columns = (int) weight.getDims(outputsFirst ? 1 : 0);
    int outputs = (int) weight.getDims(outputsFirst ? 0 : 1);
    double alpha = node.real("alpha", 1);
    double beta = node.real("beta", 1);
    if (alpha == 0 || beta == 0) {
      throw new Unfit("it multiplies with zero");
    }
    Bias bias = bias(graph, node, outputs, beta);
    return new Product(node, weight, 1, columns, outputs, outputsFirst, alpha, bias);
  }

  private static Bias bias(Graph graph, Node node, int outputs, double factor) throws Unfit {
    if (node.input(2).isEmpty()) {
      return new Bias(node, 2, null, factor);
    }
    TensorProto tensor = graph.tensor(node.input(2));
    if (tensor == null || !isPerOutput(tensor, outputs)) {
      throw new Unfit("its bias is not one number for each output");
    }
    return new Bias(node, 2, tensor, factor);
  }

  private static Product matMul(Graph graph, Uses uses, Node node, TensorProto weight)
      throws Unfit {
    if (weight.getDimsCount() != 2) {
      throw new Unfit("its weights are a stack of matrices");
    }
    int columns = (int) weight.getDims(0);
    int outputs = (int) weight.getDims(1);
    Node next = uses.only(node.output(0));
    Bias bias = null;
    if (next != null && next.op().equals("Add")) {
      int input = next.input(0).equals(node.output(0)) ? 1 : 0;
      TensorProto tensor = graph.tensor(next.input(input));
      if (tensor != null && isPerOutput(tensor, outputs)) {
        bias = new Bias(next, input, tensor, 1);
      }
    }
    return new Product(node, weight, 1, columns, outputs, false, 1, bias);
  }

  private static boolean isPerOutput(TensorProto tensor, int outputs) {
    int rank = tensor.getDimsCount();
    int count = TensorBytes.elements(tensor);
    return tensor.getDataType() == DataType.FLOAT.getNumber()
        && (count == 1 || (count == outputs && rank > 0 && tensor.getDims(rank - 1) == outputs));
  }
}
