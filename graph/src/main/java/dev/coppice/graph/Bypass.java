package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Takes blocks out of a graph: what read a block's output reads its input. */
final class Bypass {
  private final Graph graph;
  private final Map<String, String> instead = new HashMap<>();

  private Bypass(Graph graph, Collection<Block> blocks) {
    this.graph = graph;
    blocks.forEach(block -> instead.put(block.output(), block.input()));
  }

  /** Gives the graph in which the blocks are still there, and nothing reads what they make. */
  static Graph around(Graph graph, Collection<Block> blocks) {
    Bypass bypass = new Bypass(graph, blocks);
    return bypass.with(bypass.nodes());
  }

  /** Gives the graph without the blocks and without all that only they needed. */
  static Graph without(Graph graph, Collection<Block> blocks) {
    Graph around = around(graph, blocks);
    GraphProto body = around.model().getGraph();
    Needed needed = Needed.of(around, body.getNodeList());
    GraphProto.Builder left = body.toBuilder().clearNode().clearInitializer();
    left.addAllNode(needed.nodes()).addAllInitializer(needed.initializers());
    return Graph.of(around.model().toBuilder().setGraph(left).build(), graph.path());
  }

  private Graph with(List<NodeProto> nodes) {
    GraphProto.Builder body = graph.model().getGraph().toBuilder().clearNode();
    return Graph.of(
        graph.model().toBuilder().setGraph(body.addAllNode(nodes)).build(), graph.path());
  }

  private List<NodeProto> nodes() {
    List<NodeProto> nodes = new ArrayList<>();
    for (Node node : graph.nodes()) {
      NodeProto.Builder changed = node.proto().toBuilder();
      for (int i = 0; i < changed.getInputCount(); i++) {
        changed.setInput(i, source(changed.getInput(i)));
      }
      for (int i = 0; i < changed.getOutputCount(); i++) {
        String output = changed.getOutput(i);
        if (graph.outputs().contains(output) && instead.containsKey(output)) {
          changed.setOutput(i, graph.unused(output + "/bypassed"));
          nodes.add(same(source(output), output));
        }
      }
      nodes.add(changed.build());
    }
    return nodes;
  }

  /** Gives the value that is read in place of another; a block's input may leave a block too. */
  private String source(String value) {
    String source = value;
    for (String next = source; next != null; next = instead.get(source)) {
      source = next;
    }
    return source;
  }

  private static NodeProto same(String from, String to) {
    return NodeProto.newBuilder()
        .setOpType("Identity")
        .setName(to + "/bypass")
        .addInput(from)
        .addOutput(to)
        .build();
  }
}
