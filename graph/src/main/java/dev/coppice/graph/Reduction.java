package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
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
    Optional<Slot> slot = slot(node, graph);
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

  /** Gives the axis of a product's weight that it sums over; nothing for other nodes. */
  static Optional<Slot> slot(Node node, Graph graph) {
    for (int input = 0; input < 2; input++) {
      TensorProto weight = graph.tensor(node.input(input));
      if (weight == null || !Groups.PRODUCTS.contains(node.op())) {
        continue;
      }
      boolean left = input == 0;
      int axis =
          switch (node.op()) {
            case "Conv" -> 1;
            case "ConvTranspose" -> 0;
            case "Gemm" -> left == (node.integer(left ? "transA" : "transB", 0) == 0) ? 1 : 0;
            default -> weight.getDimsCount() - (left ? 1 : 2);
          };
      return Optional.of(new Slot(weight.getName(), axis));
    }
    return Optional.empty();
  }
}
