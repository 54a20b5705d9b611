package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The channels that hold the same number wherever one looks and whatever goes into the graph: those
 * whose weights are zero, and what follows from them. A rule that is missing leaves a channel
 * unknown.
 */
final class Constants {
  /** What is known of a value. */
  static final class Channels {
    private final int axis;
    private final double[] numbers;

    Channels(int axis, double[] numbers) {
      this.axis = axis;
      this.numbers = numbers;
    }

    /** Gives the axis of the channels. */
    int axis() {
      return axis;
    }

    /** Gives for each channel its number; NaN where it is none. Not a copy. */
    double[] numbers() {
      return numbers;
    }
  }

  private static final Set<String> PASSING =
      Set.of("Dropout", "GlobalAveragePool", "GlobalMaxPool", "Identity", "MaxPool");

  private final Graph graph;
  private final Shapes shapes;
  private final Map<String, Channels> known = new HashMap<>();

  private Constants(Graph graph, Shapes shapes) {
    this.graph = graph;
    this.shapes = shapes;
  }

  /** Finds what is constant in a graph. */
  static Constants in(Graph graph, Shapes shapes) {
    Constants constants = new Constants(graph, shapes);
    for (Node node : graph.nodes()) {
      Channels found = constants.of(node);
      if (found != null && !Arrays.stream(found.numbers()).allMatch(Double::isNaN)) {
        constants.known.put(node.output(0), found);
      }
    }
    return constants;
  }

  /** Gives what is known of a value. */
  @Nullable Channels of(String value) {
    return known.get(value);
  }

  /**
   * Whether all that a kernel sees of a constant is that constant: nothing is padded with zeros.
   */
  static boolean isUniform(Node node) {
    long[] pads = node.integers("pads");
    String auto = node.text("auto_pad", "NOTSET");
    return !node.op().equals("ConvTranspose")
        && (pads == null || Arrays.stream(pads).allMatch(pad -> pad == 0))
        && (auto.equals("NOTSET") || auto.equals("VALID"));
  }

  private @Nullable Channels of(Node node) {
    Channels in = known.get(node.input(0));
    DoubleUnaryOperator function = Functions.of(node, graph);
    if (function != null) {
      return in == null ? null : map(in, function);
    }
    if (PASSING.contains(node.op())) {
      return in;
    }
    return switch (node.op()) {
      case "Conv", "Gemm", "MatMul" -> product(node);
      case "BatchNormalization" -> batchNorm(node, in);
      case "Add" -> both(node, Double::sum);
      case "Sub" -> both(node, (a, b) -> a - b);
      case "Mul" -> both(node, (a, b) -> a * b);
      case "Div" -> both(node, (a, b) -> a / b);
      case "AveragePool" -> isUniform(node) && node.integer("ceil_mode", 0) == 0 ? in : null;
      case "ReduceMax", "ReduceMean", "ReduceMin" -> in == null ? null : reduce(node, in);
      case "Transpose" -> in == null ? null : transpose(node, in);
      case "Flatten", "Reshape", "Squeeze" -> in == null ? null : flatten(node, in);
      default -> null;
    };
  }

  private static Channels map(Channels in, DoubleUnaryOperator function) {
    return new Channels(in.axis(), Arrays.stream(in.numbers()).map(function).toArray());
  }

  /** Gives the sums of constants times weights that are not zero, and of a bias. */
  private @Nullable Channels product(Node node) {
    Optional<Weights> weights = Weights.of(node, graph);
    long[] out = shapes.of(node.output(0));
    if (weights.isEmpty() || out == null || out.length < 2) {
      return null;
    }
    Channels in = known.get(node.input(0));
    boolean uniform = isUniform(node);
    double[] numbers = new double[weights.get().outputs()];
    Arrays.setAll(numbers, output -> bias(node, output, numbers.length));
    weights
        .get()
        .visit(
            (channel, output, weight) -> {
              double number = in == null ? Double.NaN : in.numbers()[channel];
              numbers[output] += number == 0 || uniform ? weight * number : Double.NaN;
            });
    return new Channels(node.op().equals("MatMul") ? out.length - 1 : 1, numbers);
  }

  private double bias(Node node, int output, int outputs) {
    if (node.input(2).isEmpty()) {
      return 0;
    }
    double[] bias = vector(node.input(2), outputs);
    return bias == null ? Double.NaN : node.real("beta", 1) * bias[output];
  }

  /**
   * Gives a constant of one number, or of one for each channel; nothing if it is something else.
   */
  private double @Nullable [] vector(String value, int size) {
    TensorProto tensor = graph.tensor(value);
    if (tensor == null || !TensorBytes.isFloat(tensor.getDataType())) {
      return null;
    }
    double[] numbers = TensorBytes.numbers(tensor);
    boolean one = numbers.length == 1;
    boolean row = numbers.length == size && tensor.getDims(tensor.getDimsCount() - 1) == size;
    return one || row
        ? IntStream.range(0, size).mapToDouble(i -> numbers[one ? 0 : i]).toArray()
        : null;
  }

  private @Nullable Channels batchNorm(Node node, @Nullable Channels in) {
    long[] shape = shapes.of(node.input(1));
    if (shape == null || shape.length != 1 || !Dim.isKnown(shape[0])) {
      return null;
    }
    int size = (int) shape[0];
    double[] scale = vector(node.input(1), size);
    double[] shift = vector(node.input(2), size);
    double[] mean = vector(node.input(3), size);
    double[] variance = vector(node.input(4), size);
    if (scale == null || shift == null || mean == null || variance == null) {
      return null;
    }
    double epsilon = node.real("epsilon", 1e-5f);
    double[] numbers = new double[size];
    for (int i = 0; i < size; i++) {
      double number = in == null ? Double.NaN : in.numbers()[i];
      double factor = scale[i] / Math.sqrt(variance[i] + epsilon);
      numbers[i] = scale[i] == 0 ? shift[i] : (number - mean[i]) * factor + shift[i];
    }
    return new Channels(1, numbers);
  }

  private @Nullable Channels both(Node node, DoubleBinaryOperator operator) {
    long[] out = shapes.of(node.output(0));
    Channels a = known.get(node.input(0));
    Channels b = known.get(node.input(1));
    if (out == null || (a == null && b == null)) {
      return null;
    }
    int axis = out.length - fromEnd(node, a, b);
    double[] first = operand(node.input(0), out, axis);
    double[] second = operand(node.input(1), out, axis);
    if (first == null || second == null) {
      return null;
    }
    double[] numbers = new double[first.length];
    Arrays.setAll(numbers, i -> operator.applyAsDouble(first[i], second[i]));
    return new Channels(axis, numbers);
  }

  private int fromEnd(Node node, @Nullable Channels a, @Nullable Channels b) {
    return a != null
        ? rank(node.input(0)) - a.axis()
        : rank(node.input(1)) - Objects.requireNonNull(b).axis();
  }

  private int rank(String value) {
    return Objects.requireNonNull(shapes.of(value)).length;
  }

  /**
   * Gives an operand's numbers along an axis of what is made of it, if it has the same along
   * others.
   */
  private double @Nullable [] operand(String value, long[] out, int axis) {
    long[] shape = shapes.of(value);
    if (shape == null || !Dim.isKnown(out[axis])) {
      return null;
    }
    int own = axis - out.length + shape.length;
    int size = (int) out[axis];
    Channels channels = known.get(value);
    TensorProto tensor = graph.tensor(value);
    double[] numbers;
    if (channels != null && channels.axis() == own) {
      numbers = channels.numbers();
    } else if (tensor != null && TensorBytes.isFloat(tensor.getDataType())) {
      for (int i = 0; i < shape.length; i++) {
        if (i != own && shape[i] != 1) {
          return null;
        }
      }
      numbers = TensorBytes.numbers(tensor);
    } else {
      return null;
    }
    boolean one = numbers.length == 1;
    return one || numbers.length == size
        ? IntStream.range(0, size).mapToDouble(i -> numbers[one ? 0 : i]).toArray()
        : null;
  }

  private @Nullable Channels reduce(Node node, Channels in) {
    int rank = rank(node.input(0));
    boolean[] reduced = Axes.reduced(node, shapes, rank);
    if (reduced == null || reduced[in.axis()]) {
      return null;
    }
    int before = (int) IntStream.range(0, in.axis()).filter(i -> reduced[i]).count();
    boolean keeps = node.integer("keepdims", 1) != 0;
    return new Channels(keeps ? in.axis() : in.axis() - before, in.numbers());
  }

  private static @Nullable Channels transpose(Node node, Channels in) {
    long[] order = node.integers("perm");
    for (int i = 0; order != null && i < order.length; i++) {
      if (order[i] == in.axis()) {
        return new Channels(i, in.numbers());
      }
    }
    return null;
  }

  /** Of channels and what follows them, one axis: each channel's number is repeated. */
  private @Nullable Channels flatten(Node node, Channels in) {
    long[] from = shapes.of(node.input(0));
    long[] to = shapes.of(node.output(0));
    if (from == null || to == null || to.length != 2 || in.axis() != 1 || from.length < 2) {
      return null;
    }
    long each = 1;
    for (int i = 2; i < from.length; i++) {
      each *= Dim.isKnown(from[i]) ? from[i] : 0;
    }
    if (from[0] != to[0] || each * from[1] != to[1] || each == 0) {
      return null;
    }
    int size = (int) to[1];
    int repeated = (int) each;
    double[] numbers = new double[size];
    Arrays.setAll(numbers, i -> in.numbers()[i / repeated]);
    return new Channels(1, numbers);
  }
}
