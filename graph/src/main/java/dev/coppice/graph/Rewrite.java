package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Other weights and biases for the products of a model. */
final class Rewrite {
  private final Graph graph;
  private final Map<String, TensorProto> tensors = new LinkedHashMap<>();
  private final Map<String, Map<Integer, String>> inputs = new HashMap<>();

  Rewrite(Graph graph) {
    this.graph = graph;
  }

  /** Replaces a tensor by one of its name. */
  void tensor(TensorProto tensor) {
    tensors.put(tensor.getName(), tensor);
  }

  /** Gives a node another tensor as one of its inputs. */
  void input(Node node, int index, TensorProto tensor) {
    String name = graph.unused(node.output(0) + "/repaired" + index);
    tensors.put(name, tensor.toBuilder().setName(name).build());
    inputs.computeIfAbsent(node.output(0), key -> new HashMap<>()).put(index, name);
  }

  /** Gives the model with all that was replaced so far. */
  Graph apply() {
    GraphProto all = graph.model().getGraph();
    GraphProto.Builder body = all.toBuilder().clearNode().clearInitializer();
    Map<String, TensorProto> open = new LinkedHashMap<>(tensors);
    for (TensorProto tensor : all.getInitializerList()) {
      TensorProto other = open.remove(tensor.getName());
      body.addInitializer(other == null ? tensor : other);
    }
    body.addAllInitializer(open.values());
    List<NodeProto> nodes = new ArrayList<>();
    for (NodeProto node : all.getNodeList()) {
      boolean replaced =
          node.getOpType().equals("Constant") && tensors.containsKey(node.getOutput(0));
      if (!replaced) {
        nodes.add(rewrite(node));
      }
    }
    ModelProto model = graph.model().toBuilder().setGraph(body.addAllNode(nodes)).build();
    return Graph.of(model, graph.path());
  }

  private NodeProto rewrite(NodeProto node) {
    Map<Integer, String> changes =
        node.getOutputCount() == 0 ? null : inputs.get(node.getOutput(0));
    if (changes == null) {
      return node;
    }
    NodeProto.Builder changed = node.toBuilder();
    changes.forEach(
        (index, name) -> {
          while (changed.getInputCount() <= index) {
            changed.addInput("");
          }
          changed.setInput(index, name);
        });
    return changed.build();
  }
}
