package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A graph whose products have something added to their biases.
 *
 * @param graph the changed graph
 * @param likes the biases that are new, each with the axis that it is cut like
 */
record Folded(Graph graph, Map<String, Slot> likes) {
  /**
   * Changes a graph.
   *
   * @param sums what is to be added to the outputs of products, by their names
   */
  static Folded of(Graph graph, Map<String, double[]> sums) {
    return sums.isEmpty() ? new Folded(graph, Map.of()) : new Change(graph, sums).made();
  }

  private static final class Change {
    private final Graph graph;
    private final Uses uses;
    private final Map<String, double[]> sums;
    private final GraphProto.Builder body;
    private final Map<NodeProto, NodeProto.Builder> changed = new HashMap<>();
    private final Map<String, Slot> likes = new HashMap<>();

    Change(Graph graph, Map<String, double[]> sums) {
      this.graph = graph;
      this.uses = new Uses(graph);
      this.sums = sums;
      this.body = graph.model().getGraph().toBuilder();
    }

    Folded made() {
      List<NodeProto> added = new ArrayList<>();
      for (Node node : graph.nodes()) {
        double[] sum = sums.get(node.output(0));
        if (sum != null) {
          add(node, sum, added);
        }
      }
      List<NodeProto> nodes = new ArrayList<>();
      for (Node node : graph.nodes()) {
        NodeProto.Builder other = changed.get(node.proto());
        nodes.add(other == null ? node.proto() : other.build());
      }
      nodes.addAll(added);
      body.clearNode().addAllNode(nodes);
      return new Folded(
          Graph.of(graph.model().toBuilder().setGraph(body).build(), graph.path()), likes);
    }

    private void add(Node node, double[] sum, List<NodeProto> added) {
      Weights weights = Weights.of(node, graph).orElseThrow();
      Bias bias = Bias.of(node, graph, uses, weights.outputs()).orElseThrow();
      String out = node.output(0);
      String name = graph.unused(out + "/bias");
      double[] values = bias.values(sum.length);
      Arrays.setAll(values, i -> values[i] + sum[i] / bias.factor());
      body.addInitializer(bias.with(values).toBuilder().setName(name));
      likes.put(name, new Slot(weights.tensor().getName(), 1 - weights.inAxis()));
      if (bias.node() == node && node.op().equals("MatMul")) {
        String product = graph.unused(out + "/product");
        change(node).setOutput(0, product);
        added.add(
            NodeProto.newBuilder()
                .setOpType("Add")
                .addInput(product)
                .addInput(name)
                .addOutput(out)
                .build());
        return;
      }
      NodeProto.Builder target = change(bias.node());
      while (target.getInputCount() <= bias.input()) {
        target.addInput("");
      }
      target.setInput(bias.input(), name);
    }

    private NodeProto.Builder change(Node node) {
      return changed.computeIfAbsent(node.proto(), NodeProto::toBuilder);
    }
  }
}
