package dev.coppice.formats.onnx;

import dev.coppice.Axes;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.onnx.Graph.Attribute;
import dev.coppice.formats.onnx.Graph.Function;
import dev.coppice.formats.onnx.Graph.Model;
import dev.coppice.formats.onnx.Graph.Node;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Follows the constants of a model to the operators that they enter, in the order of the nodes
 * (ONNX demands that producers stand before users).
 */
final class WeightSearch {
  /** Operators that hand a constant on in another shape: its axes are not followed. */
  private static final Set<String> RESHAPING =
      Set.of("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Slice", "Split", "Concat");

  /**
   * A constant as it enters an operator.
   *
   * @param axes for each axis of the value, the constant's axis
   * @param obscured why the axes are no longer known, if they are not
   */
  private record Value(Constant constant, List<Integer> axes, @Nullable String obscured) {
    Value(Constant constant) {
      this(constant, IntStream.range(0, constant.tensor().shape().rank()).boxed().toList(), null);
    }

    Value obscured(String reason) {
      return new Value(constant, axes, obscured == null ? reason : obscured);
    }
  }

  /** The names that a graph sees: its own, then those of the graphs around it. */
  private static final class Names {
    private final @Nullable Names around;
    private final Map<String, @Nullable Value> own = new HashMap<>();

    Names(@Nullable Names around) {
      this.around = around;
    }

    /** Finds a constant; the empty name stands for an input that is left out. */
    @Nullable Value find(String name) {
      if (name.isEmpty()) {
        return null;
      }
      for (Names names = this; names != null; names = names.around) {
        if (names.own.containsKey(name)) {
          return names.own.get(name);
        }
      }
      return null;
    }
  }

  private final Path file;
  private final Set<String> functions = new HashSet<>();
  private final List<Constant> constants = new ArrayList<>();

  private WeightSearch(Path file) {
    this.file = file;
  }

  /** Gives all constants of a model with their uses. */
  static List<Constant> run(Model model, Path file) {
    WeightSearch search = new WeightSearch(file);
    model.functions().forEach(function -> search.functions.add(function.key()));
    search.graph(model.graph(), null, "");
    for (Function function : model.functions()) {
      Graph body = new Graph(function.nodes(), List.of(), List.of(), function.inputs(), List.of());
      search.graph(body, null, function.name() + "/");
    }
    int trained = search.constants.size();
    for (Graph graph : model.training()) {
      search.graph(graph, null, "training/");
    }
    search.constants.stream()
        .skip(trained)
        .forEach(constant -> constant.isExempt("belongs to the training information"));
    return search.constants;
  }

  private void graph(Graph graph, @Nullable Names around, String path) {
    Names names = new Names(around);
    graph.inputs().forEach(input -> names.own.put(input, null));
    for (StoredTensor initializer : graph.initializers()) {
      define(names, initializer, initializer.name(), path);
    }
    for (StoredTensor values : graph.sparse()) {
      define(names, values, values.name(), path).isExempt("already sparse");
    }
    for (Node node : graph.nodes()) {
      for (Attribute attribute : node.attributes()) {
        for (Graph inner : attribute.graphs()) {
          graph(inner, names, path + node.label() + "/" + attribute.name() + "/");
        }
      }
      node(node, names, path);
    }
    for (String output : graph.outputs()) {
      Value value = names.find(output);
      if (value != null) {
        value.constant().isOutput();
      }
    }
  }

  private Constant define(Names names, StoredTensor tensor, String name, String path) {
    Constant constant = new Constant(tensor, name, path);
    if (names.own.put(name, new Value(constant)) != null) {
      throw CheckpointFormatException.in(
          Code.DUPLICATE_KEY, file, name, tensor.position(), "two tensors of this name in a graph");
    }
    constants.add(constant);
    return constant;
  }

  private void node(Node node, Names names, String path) {
    if (isStandard(node, "Constant") && !node.outputs().isEmpty()) {
      constant(node, names, path);
      return;
    }
    Value handedOn = null;
    for (int i = 0; i < node.inputs().size(); i++) {
      Value value = names.find(node.inputs().get(i));
      if (value != null) {
        Value passed = passed(node, i, value);
        if (passed == null) {
          use(node, i, value);
        }
        handedOn = handedOn == null ? passed : handedOn;
      }
    }
    for (String output : node.outputs()) {
      names.own.put(output, handedOn);
    }
  }

  private void constant(Node node, Names names, String path) {
    String output = node.outputs().get(0);
    StoredTensor dense = null;
    StoredTensor sparse = null;
    for (Attribute attribute : node.attributes()) {
      dense = attribute.tensor() != null ? attribute.tensor() : dense;
      sparse = attribute.sparse() != null ? attribute.sparse() : sparse;
    }
    if (dense != null) {
      define(names, dense, output, path);
    } else if (sparse != null) {
      define(names, sparse, output, path).isExempt("already sparse");
    } else {
      names.own.put(output, null);
    }
  }

  /** Gives the constant as {@code node} hands it on, or null if it ends there. */
  private @Nullable Value passed(Node node, int input, Value value) {
    if (functions.contains(node.key()) || !node.domain().isEmpty()) {
      return null;
    }
    String operator = node.operator();
    if (operator.equals("Concat") || (input == 0 && RESHAPING.contains(operator))) {
      return value.obscured(operator + " " + node.label() + " changes its shape on the way");
    }
    if (input != 0) {
      return null;
    }
    return switch (operator) {
      case "Identity" -> value;
      case "Cast" -> castsToFloat(node) ? value : null;
      case "Transpose" -> transposed(node, value);
      default -> null;
    };
  }

  private static boolean castsToFloat(Node node) {
    return ElementType.of(node.integer("to", 0)).map(ElementType::isFloat).orElse(false);
  }

  private static Value transposed(Node node, Value value) {
    int rank = value.axes().size();
    Attribute perm = node.attribute("perm").orElse(null);
    if (perm != null && !isPermutation(perm, rank)) {
      return value.obscured("the permutation of Transpose " + node.label() + " is not known");
    }
    List<Integer> axes = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      int from = perm == null ? rank - 1 - i : perm.integers().get(i).intValue();
      axes.add(value.axes().get(from));
    }
    return new Value(value.constant(), axes, value.obscured());
  }

  private static boolean isPermutation(Attribute perm, int rank) {
    return LongStream.range(0, rank)
        .boxed()
        .toList()
        .equals(perm.integers().stream().sorted().toList());
  }

  private void use(Node node, int input, Value value) {
    Constant constant = value.constant();
    if (functions.contains(node.key())) {
      constant.isUnclear(
          node, "enters the function " + node.operator() + ", which is not followed");
      return;
    }
    if (isStandardOrMicrosoft(node)
        && (node.operator().equals("DequantizeLinear") || node.operator().equals("QuantizeLinear"))
        && input == 0) {
      constant.isExempt(Constant.QUANTISED);
      return;
    }
    Use use = Use.of(node, input, value.axes().size());
    if (use instanceof Use.Quantised) {
      constant.isExempt(Constant.QUANTISED);
    } else if (use instanceof Use.Otherwise otherwise) {
      constant.isOtherwiseUsed(node, otherwise.how());
    } else if (value.obscured() != null) {
      constant.isUnclear(node, value.obscured());
    } else if (use instanceof Use.Unclear unclear) {
      constant.isUnclear(node, node.label() + ": " + unclear.reason());
    } else if (use instanceof Use.Weight weight) {
      int output = value.axes().get(weight.axes().output());
      int reduction = value.axes().get(weight.axes().reduction());
      constant.isWeightOf(node, new Axes(output, reduction));
    }
  }

  private static boolean isStandard(Node node, String operator) {
    return node.domain().isEmpty() && node.operator().equals(operator);
  }

  private static boolean isStandardOrMicrosoft(Node node) {
    return node.domain().isEmpty() || node.domain().equals(Use.MICROSOFT);
  }
}
