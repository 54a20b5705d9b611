package dev.coppice.graph;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Which nodes use a value. */
final class Uses {
  private final Graph graph;
  private final Map<String, List<Node>> users = new HashMap<>();

  Uses(Graph graph) {
    this.graph = graph;
    for (Node node : graph.nodes()) {
      for (String input : node.inputs()) {
        users.computeIfAbsent(input, name -> new ArrayList<>()).add(node);
      }
    }
  }

  List<Node> of(String value) {
    return users.getOrDefault(value, List.of());
  }

  /** Counts the inputs of nodes that a value is; an output or what nested graphs use counts too. */
  int count(String value) {
    return of(value).size()
        + (graph.outputs().contains(value) ? 1 : 0)
        + (graph.captured().contains(value) ? 1 : 0);
  }

  /** Gives the node that uses a value, if it is the only use. */
  @Nullable Node only(String value) {
    return count(value) == 1 && !of(value).isEmpty() ? of(value).get(0) : null;
  }
}
