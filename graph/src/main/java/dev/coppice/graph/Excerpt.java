package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.Set;

/** Models that end early. */
final class Excerpt {
  private Excerpt() {}

  /** Gives the model with some of its values as its outputs, without the nodes behind them. */
  static byte[] of(Graph graph, Collection<String> values) {
    GraphProto.Builder body = body(graph, values);
    values.stream()
        .distinct()
        .forEach(value -> body.addOutput(ValueInfoProto.newBuilder().setName(value)));
    return graph.model().toBuilder().setGraph(body).build().toByteArray();
  }

  /** Gives the graph with what some values need, and no outputs yet. */
  static GraphProto.Builder body(Graph graph, Collection<String> values) {
    Set<String> used = new HashSet<>();
    Set<NodeProto> needed = needed(graph, values, used);
    GraphProto all = graph.model().getGraph();
    GraphProto.Builder body = all.toBuilder().clearNode().clearInitializer().clearOutput();
    body.clearValueInfo();
    all.getNodeList().stream().filter(needed::contains).forEach(body::addNode);
    // An input keeps its default.
    all.getInitializerList().stream()
        .filter(t -> used.contains(t.getName()) || graph.inputs().containsKey(t.getName()))
        .forEach(body::addInitializer);
    return body;
  }

  /** Gives the nodes that values need, and adds all values on the way to {@code used}. */
  static Set<NodeProto> needed(Graph graph, Collection<String> values, Set<String> used) {
    Deque<String> open = new ArrayDeque<>(values);
    Set<NodeProto> needed = Collections.newSetFromMap(new IdentityHashMap<>());
    while (!open.isEmpty()) {
      String value = open.remove();
      Node maker = used.add(value) ? graph.maker(value) : null;
      if (maker != null && needed.add(maker.proto())) {
        open.addAll(maker.inputs());
        if (maker.proto().getAttributeList().stream()
            .anyMatch(a -> a.hasG() || a.getGraphsCount() > 0)) {
          open.addAll(graph.captured());
        }
      }
    }
    return needed;
  }
}
