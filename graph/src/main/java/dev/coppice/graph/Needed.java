package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What of a graph its outputs, and the nested graphs, follow from. */
final class Needed {
  private final Graph graph;
  private final List<NodeProto> nodes;
  private final Set<String> read;

  private Needed(Graph graph, List<NodeProto> nodes) {
    this.graph = graph;
    this.nodes = nodes;
    this.read = new HashSet<>(graph.outputs());
    read.addAll(graph.captured());
    nodes.forEach(node -> read.addAll(node.getInputList()));
  }

  /**
   * Finds what is needed.
   *
   * @param nodes those that take the place of the graph's
   */
  static Needed of(Graph graph, List<NodeProto> nodes) {
    Map<String, NodeProto> makers = new HashMap<>();
    nodes.forEach(node -> node.getOutputList().forEach(name -> makers.put(name, node)));
    Set<String> seen = new HashSet<>();
    Deque<String> open = new ArrayDeque<>(graph.outputs());
    open.addAll(graph.captured());
    Set<NodeProto> needed = Collections.newSetFromMap(new IdentityHashMap<>());
    while (!open.isEmpty()) {
      String value = open.remove();
      NodeProto maker = seen.add(value) ? makers.get(value) : null;
      if (maker != null && needed.add(maker)) {
        open.addAll(maker.getInputList());
      }
    }
    return new Needed(graph, nodes.stream().filter(needed::contains).toList());
  }

  List<NodeProto> nodes() {
    return nodes;
  }

  /** Whether a node that is needed, a nested graph or the outside reads a value. */
  boolean reads(String value) {
    return read.contains(value);
  }

  /** Gives the initializers that are read, or that the graph takes as inputs. */
  List<TensorProto> initializers() {
    return graph.model().getGraph().getInitializerList().stream()
        .filter(t -> reads(t.getName()) || graph.inputs().containsKey(t.getName()))
        .toList();
  }
}
