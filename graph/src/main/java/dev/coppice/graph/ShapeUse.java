package dev.coppice.graph;

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
        .filter(node -> !COMPUTE.contains(node.op()))
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
        .anyMatch(
            node -> !COMPUTE.contains(node.op()) && !isTarget(node, value) && mayBeCut(value));
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
          if (COMPUTE.contains(user.op())) {
            open.add(user.output(0));
          }
        }
      }
    }
    return reached;
  }
}
