package dev.coppice.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A product that sums over an axis of a weight.
 *
 * @param node the product
 * @param slot the weight, and the axis that is summed over
 * @param input what is multiplied by the weight
 * @param axis the axis of the input that meets the weight's
 */
record Reduction(Node node, Slot slot, String input, int axis) {
  /** Finds the products of a graph that multiply by a weight. */
  static List<Reduction> in(Graph graph, Shapes shapes) {
    List<Reduction> found = new ArrayList<>();
    for (Node node : graph.nodes()) {
      if (Groups.PRODUCTS.contains(node.op())) {
        of(node, graph, shapes).ifPresent(found::add);
      }
    }
    return found;
  }

  private static Optional<Reduction> of(Node node, Graph graph, Shapes shapes) {
    boolean left = graph.tensor(node.input(0)) != null;
    String input = node.input(left ? 1 : 0);
    long[] flows = shapes.of(input);
    long[] made = shapes.of(node.output(0));
    Optional<Slot> slot = Importance.reducedBy(graph, node);
    if (slot.isEmpty() || flows == null || made == null) {
      return Optional.empty();
    }
    int axis =
        switch (node.op()) {
          case "Conv", "ConvTranspose" -> 1;
          case "Gemm" -> left == (node.integer(left ? "transB" : "transA", 0) != 0) ? 1 : 0;
          default -> flows.length - (left ? 2 : 1);
        };
    return Optional.of(new Reduction(node, slot.get(), input, axis));
  }
}
