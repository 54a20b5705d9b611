package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.onnx.Graph.Attribute;
import dev.coppice.formats.onnx.Graph.Function;
import dev.coppice.formats.onnx.Graph.Node;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Which functions of a model call which others. */
final class FunctionCalls {
  private final Map<String, Set<String>> calls = new HashMap<>();

  private FunctionCalls(List<Function> functions) {
    functions.forEach(function -> calls.put(function.key(), new LinkedHashSet<>()));
    for (Function function : functions) {
      collect(function.nodes(), calls.getOrDefault(function.key(), Set.of()));
    }
  }

  /** Refuses functions that call each other in a circle: inlining them would never end. */
  static void check(List<Function> functions, Path file) {
    FunctionCalls calls = new FunctionCalls(functions);
    Set<String> done = new HashSet<>();
    for (Function function : functions) {
      if (calls.reachesItself(function.key(), done)) {
        throw CheckpointFormatException.of(
            Code.GRAPH_CYCLE, file, "function " + function.name() + " calls itself in a circle");
      }
    }
  }

  private void collect(List<Node> nodes, Set<String> called) {
    for (Node node : nodes) {
      if (calls.containsKey(node.key())) {
        called.add(node.key());
      }
      for (Attribute attribute : node.attributes()) {
        attribute.graphs().forEach(graph -> collect(graph.nodes(), called));
      }
    }
  }

  /** Walks depth first, without recursion; {@code done} are functions known to end. */
  private boolean reachesItself(String from, Set<String> done) {
    Set<String> open = new HashSet<>();
    Deque<String> stack = new ArrayDeque<>(List.of(from));
    while (!stack.isEmpty()) {
      String key = stack.peek();
      if (done.contains(key) || !open.add(key)) {
        open.remove(key);
        done.add(stack.pop());
        continue;
      }
      for (String called : calls.getOrDefault(key, Set.of())) {
        if (open.contains(called)) {
          return true;
        }
        stack.push(called);
      }
    }
    return false;
  }
}
