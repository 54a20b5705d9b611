package dev.coppice.formats.onnx;

import dev.coppice.Axes;
import dev.coppice.formats.onnx.Graph.Node;
import java.util.Set;

/** What an operator does with a constant that enters it. */
sealed interface Use {
  /** It multiplies with it; the axes are those of the constant as it enters. */
  record Weight(Axes axes) implements Use {}

  /** It multiplies with it, and its axes cannot be told. */
  record Unclear(String reason) implements Use {}

  /** It multiplies with it in integers. */
  record Quantised() implements Use {}

  /** It does something else with it: enters, or is the bias of, that operator. */
  record Otherwise(String how) implements Use {}

  /** What most operators do with a constant. */
  Use OTHERWISE = new Otherwise("enters");

  /** What those that multiply do with their third input. */
  Use BIAS = new Otherwise("is the bias of");

  /** The domain of the operators that ONNX Runtime adds. */
  String MICROSOFT = "com.microsoft";

  /** The operators, standard ones and ONNX Runtime's, that compute with quantised weights. */
  Set<String> QUANTISED_OPERATORS =
      Set.of(
          "QLinearConv",
          "QLinearMatMul",
          "MatMulInteger",
          "ConvInteger",
          "DynamicQuantizeMatMul",
          "MatMulIntegerToFloat",
          "DynamicQuantizeLSTM",
          "ConvIntegerToFloat",
          "QGemm",
          "QAttention",
          "QMoE",
          "MatMulNBits",
          "MatMulBnb4",
          "MatMulFpQ4",
          "GatherBlockQuantized");

  /** Says what {@code node} does with its input number {@code input}, a constant of this rank. */
  static Use of(Node node, int input, int rank) {
    boolean microsoft = node.domain().equals(MICROSOFT);
    if (!microsoft && !node.domain().isEmpty()) {
      return OTHERWISE;
    }
    if (QUANTISED_OPERATORS.contains(node.operator())) {
      return new Quantised();
    }
    return switch (node.operator()) {
      case "MatMul" -> matMul(input, rank, false, false);
      case "FusedMatMul" -> microsoft ? fusedMatMul(node, input, rank) : OTHERWISE;
      case "Gemm" -> gemm(node, input, rank);
      case "FusedGemm" -> microsoft ? gemm(node, input, rank) : OTHERWISE;
      case "Conv" -> conv(input, rank);
      case "FusedConv" -> microsoft ? conv(input, rank) : OTHERWISE;
      case "ConvTranspose" -> convTranspose(node, input, rank);
      default -> OTHERWISE;
    };
  }

  private static Use matMul(int input, int rank, boolean transposeA, boolean transposeB) {
    if (input > 1 || rank == 0) {
      return input == 2 ? BIAS : OTHERWISE;
    }
    if (rank == 1) {
      return new Weight(new Axes(0, 0));
    }
    boolean rowsAreOutputs = input == 0 ? !transposeA : transposeB;
    int rows = rank - 2;
    int columns = rank - 1;
    return new Weight(rowsAreOutputs ? new Axes(rows, columns) : new Axes(columns, rows));
  }

  private static Use fusedMatMul(Node node, int input, int rank) {
    if (node.integer("transBatchA", 0) != 0 || node.integer("transBatchB", 0) != 0) {
      return new Unclear("its batch is transposed");
    }
    return transposed(node, input, rank);
  }

  private static Use gemm(Node node, int input, int rank) {
    return rank == 2 || input == 2 ? transposed(node, input, rank) : OTHERWISE;
  }

  private static Use transposed(Node node, int input, int rank) {
    String key = input == 0 ? "transA" : "transB";
    if (input <= 1 && isReference(node, key)) {
      return new Unclear("its " + key + " is an attribute of a function");
    }
    return matMul(input, rank, node.integer("transA", 0) != 0, node.integer("transB", 0) != 0);
  }

  /** The reduction axis of a grouped convolution is that of one group. */
  private static Use conv(int input, int rank) {
    return input == 1 && rank >= 3 ? new Weight(new Axes(0, 1)) : input == 2 ? BIAS : OTHERWISE;
  }

  private static Use convTranspose(Node node, int input, int rank) {
    if (input != 1 || rank < 3) {
      return input == 2 ? BIAS : OTHERWISE;
    }
    return isReference(node, "group") || node.integer("group", 1) != 1
        ? new Unclear("the axis that it contracts holds all of its groups")
        : new Weight(new Axes(1, 0));
  }

  private static boolean isReference(Node node, String key) {
    return node.attribute(key).map(Graph.Attribute::reference).orElse(false);
  }
}
