package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.function.DoubleUnaryOperator;
import org.jspecify.annotations.Nullable;

/** What operators make of one number. */
final class Functions {
  private Functions() {}

  /** Gives the function that a node applies to each element of its first input, if it is known. */
  static @Nullable DoubleUnaryOperator of(Node node, Graph graph) {
    return switch (node.op()) {
      case "Abs" -> Math::abs;
      case "Clip" -> clip(node, graph);
      case "Elu" -> x -> x >= 0 ? x : node.real("alpha", 1) * Math.expm1(x);
      case "Erf" -> Functions::erf;
      case "Exp" -> Math::exp;
      case "Gelu" -> gelu(node);
      case "HardSigmoid" ->
          x -> clamp(node.real("alpha", 0.2f) * x + node.real("beta", 0.5f), 0, 1);
      case "HardSwish" -> x -> x * clamp(x / 6 + 0.5, 0, 1);
      case "LeakyRelu" -> x -> x >= 0 ? x : node.real("alpha", 0.01f) * x;
      case "Neg" -> x -> -x;
      case "Relu" -> x -> Math.max(0, x);
      case "Sigmoid" -> Functions::sigmoid;
      case "Softplus" -> x -> Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x)));
      case "Sqrt" -> Math::sqrt;
      case "Swish" -> x -> x * sigmoid(node.real("alpha", 1) * x);
      case "Tanh" -> Math::tanh;
      default -> null;
    };
  }

  private static double clamp(double x, double least, double most) {
    return Math.min(most, Math.max(least, x));
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  private static @Nullable DoubleUnaryOperator clip(Node node, Graph graph) {
    Double least = bound(node, graph, 1, "min", Double.NEGATIVE_INFINITY);
    Double most = bound(node, graph, 2, "max", Double.POSITIVE_INFINITY);
    return least == null || most == null ? null : x -> clamp(x, least, most);
  }

  private static @Nullable Double bound(
      Node node, Graph graph, int input, String attribute, double otherwise) {
    if (node.input(input).isEmpty()) {
      return node.real(attribute, otherwise);
    }
    TensorProto tensor = graph.tensor(node.input(input));
    double[] numbers =
        tensor != null && TensorBytes.isFloat(tensor.getDataType())
            ? TensorBytes.numbers(tensor)
            : new double[0];
    return numbers.length == 1 ? numbers[0] : null;
  }

  private static DoubleUnaryOperator gelu(Node node) {
    return node.text("approximate", "none").equals("tanh")
        ? x -> x / 2 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))
        : x -> x / 2 * (1 + erf(x / Math.sqrt(2)));
  }

  /** The error function by its series; beyond 4 it is 1 to seven digits, as floats have them. */
  static double erf(double x) {
    if (Math.abs(x) > 4) {
      return Math.signum(x);
    }
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > 1e-17; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 2 / Math.sqrt(Math.PI) * sum;
  }
}
