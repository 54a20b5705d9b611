package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What is computed from the shape of a value that may be cut. Numbers among it keep their dense
 * sizes, as constants: a scale that was the root of a size stays what it was. The targets of
 * Reshape and Expand are written anew. Anything else would see the cut.
 */
final class ShapeUse {
  private static final Set<String> COMPUTE =
      Set.of("Gather", "Concat", "Slice", "Unsqueeze", "Squeeze", "Identity");

  private final Graph graph;
  private final Shapes shapes;
  private final Map<String, Set<Node>> users = new HashMap<>();

  ShapeUse(Graph graph, Shapes shapes) {
    this.graph = graph;
    this.shapes = shapes;
    for (Node node : graph.nodes()) {
      for (String input : node.inputs()) {
        users.computeIfAbsent(input, name -> new LinkedHashSet<>()).add(node);
      }
    }
  }

  /** Gives the values that are numbers and follow from what {@code shape}, a Shape node, makes. */
  Set<String> constants(Node shape) {
    return reached(shape).stream()
        .filter(value -> shapes.numbers(value) != null)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Gives the nodes that take as their target something that follows from a Shape node. */
  Set<Node> targets(Node shape) {
    return reached(shape).stream()
        .filter(value -> shapes.numbers(value) == null)
        .flatMap(value -> users.getOrDefault(value, Set.of()).stream())
        .filter(node -> !computes(node))
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** Whether something that is neither of the two follows from a Shape node. */
  boolean isOpen(Node shape) {
    for (String value : reached(shape)) {
      boolean known = shapes.numbers(value) != null;
      boolean leaves = graph.outputs().contains(value) || graph.captured().contains(value);
      if (known ? leaves : leaves || shapes.integers(value) == null || isOpen(value)) {
        return true;
      }
    }
    return false;
  }

  private boolean isOpen(String value) {
    return List.copyOf(users.getOrDefault(value, Set.of())).stream()
        .anyMatch(node -> !computes(node) && !isTarget(node, value) && mayBeCut(value));
  }

  /** Whether a node makes integers of integers; symbols stay symbols. */
  private boolean computes(Node node) {
    boolean integers = shapes.integers(node.output(0)) != null;
    return COMPUTE.contains(node.op()) || (integers && node.op().equals("Cast"));
  }

  /** Gives the type of integers that follow from a shape. */
  DataType type(String value) {
    String at = value;
    for (Node maker = graph.maker(at); maker != null; maker = graph.maker(at)) {
      if (maker.op().equals("Cast")) {
        return maker.integer("to", 0) == DataType.INT32.getNumber()
            ? DataType.INT32
            : DataType.INT64;
      }
      at = maker.input(0);
    }
    return DataType.INT64;
  }

  /** A symbol is the size of an axis that is never cut. */
  private boolean mayBeCut(String value) {
    long[] elements = shapes.integers(value);
    if (elements == null) {
      return true;
    }
    for (long element : elements) {
      if (Dim.isKnown(element) && element > 1) {
        return true;
      }
    }
    return false;
  }

  private boolean isTarget(Node node, String value) {
    return node.input(1).equals(value)
        && !node.input(0).equals(value)
        && switch (node.op()) {
          case "Reshape" -> Targets.reshape(node, shapes) != null;
          case "Expand" -> Targets.expand(node, shapes) != null;
          default -> false;
        };
  }

  /** Gives the values that follow from a shape, up to the first that are numbers. */
  private Set<String> reached(Node shape) {
    Set<String> reached = new LinkedHashSet<>();
    Deque<String> open = new ArrayDeque<>(List.of(shape.output(0)));
    while (!open.isEmpty()) {
      String value = open.remove();
      if (reached.add(value) && shapes.numbers(value) == null) {
        for (Node user : users.getOrDefault(value, Set.of())) {
          if (computes(user)) {
            open.add(user.output(0));
          }
        }
      }
    }
    return reached;
  }
}
