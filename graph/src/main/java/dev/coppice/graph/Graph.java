package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A model's main graph, checked: nodes in an order in which they can run, every name made once,
 * every tensor there. It does not change.
 */
final class Graph {
  private static final long OLDEST_OPSET = 7;
  private static final long NEWEST_OPSET = 24;

  private final Path path;
  private final ModelProto model;
  private final List<Node> nodes = new ArrayList<>();
  private final Map<String, TensorProto> tensors = new LinkedHashMap<>();
  private final Map<String, ValueInfoProto> inputs = new LinkedHashMap<>();
  private final Set<String> outputs = new LinkedHashSet<>();
  private final Map<String, Node> makers = new HashMap<>();
  private final Map<Node, Set<String>> nested = new HashMap<>();
  private final Set<String> captured = new HashSet<>();

  private Graph(ModelProto model, Path path) {
    this.path = path;
    this.model = model;
    checkOpset();
    GraphProto graph = model.getGraph();
    if (!model.getFunctionsList().isEmpty()) {
      throw refused("has functions of its own; inline them when exporting");
    }
    if (graph.getSparseInitializerCount() > 0) {
      throw refused("has sparse initializers");
    }
    graph.getInitializerList().forEach(this::add);
    for (ValueInfoProto input : graph.getInputList()) {
      if (inputs.put(input.getName(), input) != null) {
        throw twice(input.getName());
      }
    }
    List<Node> unordered = new ArrayList<>();
    for (NodeProto proto : graph.getNodeList()) {
      unordered.add(addNode(proto));
    }
    graph.getOutputList().forEach(output -> outputs.add(output.getName()));
    nested.values().forEach(captured::addAll);
    order(unordered);
    for (String output : outputs) {
      checkMade(output, "the graph's outputs");
    }
  }

  /** Looks at a model that was read from {@code path}. */
  static Graph of(ModelProto model, Path path) {
    return new Graph(model, path);
  }

  private void checkOpset() {
    for (OperatorSetIdProto opset : model.getOpsetImportList()) {
      boolean own = opset.getDomain().isEmpty() || opset.getDomain().equals("ai.onnx");
      if (own && (opset.getVersion() < OLDEST_OPSET || opset.getVersion() > NEWEST_OPSET)) {
        throw refused(
            "its operators are of opset %d; %d to %d are known"
                .formatted(opset.getVersion(), OLDEST_OPSET, NEWEST_OPSET));
      }
    }
    if (opset() == 0) {
      throw refused("does not say its opset");
    }
  }

  private Node addNode(NodeProto proto) {
    Node node = new Node(proto);
    for (String output : node.outputs()) {
      if (output.isEmpty()) {
        continue;
      }
      if (makers.put(output, node) != null
          || inputs.containsKey(output)
          || tensors.containsKey(output)) {
        throw twice(output);
      }
    }
    if (node.op().equals("Constant")) {
      constant(proto).ifPresentOrElse(this::add, () -> {});
    }
    for (AttributeProto attribute : proto.getAttributeList()) {
      if (attribute.hasG() || attribute.getGraphsCount() > 0) {
        nested.computeIfAbsent(node, key -> new HashSet<>()).addAll(captured(attribute));
      }
    }
    return node;
  }

  private void checkInside(TensorProto tensor) {
    if (tensor.getDataLocation() == DataLocation.EXTERNAL) {
      throw refused("keeps data of constants in other files; save it as one file first");
    }
  }

  private void add(TensorProto tensor) {
    checkInside(tensor);
    if (tensors.put(tensor.getName(), tensor) != null) {
      throw twice(tensor.getName());
    }
  }

  /** Gives what a Constant node makes, unless it is a string or sparse. */
  private static java.util.Optional<TensorProto> constant(NodeProto proto) {
    for (AttributeProto attribute : proto.getAttributeList()) {
      TensorProto.Builder made = TensorProto.newBuilder();
      switch (attribute.getName()) {
        case "value" -> made.mergeFrom(attribute.getT());
        case "value_int" -> integers(made, List.of(attribute.getI()));
        case "value_ints" ->
            integers(made.addDims(attribute.getIntsCount()), attribute.getIntsList());
        case "value_float" -> floats(made, List.of(attribute.getF()));
        case "value_floats" ->
            floats(made.addDims(attribute.getFloatsCount()), attribute.getFloatsList());
        default -> {
          continue;
        }
      }
      return java.util.Optional.of(made.setName(proto.getOutput(0)).build());
    }
    return java.util.Optional.empty();
  }

  private static void integers(TensorProto.Builder made, List<Long> values) {
    ByteBuffer bytes = ByteBuffer.allocate(8 * values.size()).order(ByteOrder.LITTLE_ENDIAN);
    values.forEach(bytes::putLong);
    made.setDataType(DataType.INT64.getNumber()).setRawData(ByteString.copyFrom(bytes.flip()));
  }

  private static void floats(TensorProto.Builder made, List<Float> values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.size()).order(ByteOrder.LITTLE_ENDIAN);
    values.forEach(bytes::putFloat);
    made.setDataType(DataType.FLOAT.getNumber()).setRawData(ByteString.copyFrom(bytes.flip()));
  }

  /** Gives what nested graphs use by name; their nesting was bounded when they were parsed. */
  private Set<String> captured(AttributeProto attribute) {
    Set<String> captured = new HashSet<>();
    Deque<GraphProto> open = new ArrayDeque<>(attribute.getGraphsList());
    open.add(attribute.getG());
    while (!open.isEmpty()) {
      GraphProto graph = open.remove();
      graph.getInitializerList().forEach(this::checkInside);
      graph.getOutputList().forEach(output -> captured.add(output.getName()));
      for (NodeProto node : graph.getNodeList()) {
        captured.addAll(node.getInputList());
        for (AttributeProto inner : node.getAttributeList()) {
          checkInside(inner.getT());
          open.addAll(inner.getGraphsList());
          if (inner.hasG()) {
            open.add(inner.getG());
          }
        }
      }
    }
    return captured;
  }

  /** Puts the nodes into an order in which each follows what it needs. */
  private void order(List<Node> unordered) {
    Map<String, List<Node>> waiting = new HashMap<>();
    Map<Node, Integer> missing = new HashMap<>();
    Deque<Node> ready = new ArrayDeque<>();
    for (Node node : unordered) {
      int count = 0;
      for (String input : needs(node)) {
        checkMade(input, node.toString());
        if (makers.containsKey(input)) {
          waiting.computeIfAbsent(input, name -> new ArrayList<>()).add(node);
          count++;
        }
      }
      missing.put(node, count);
      if (count == 0) {
        ready.add(node);
      }
    }
    while (!ready.isEmpty()) {
      Node node = ready.remove();
      nodes.add(node);
      for (String output : node.outputs()) {
        for (Node next : waiting.getOrDefault(output, List.of())) {
          if (missing.merge(next, -1, Integer::sum) == 0) {
            ready.add(next);
          }
        }
      }
    }
    if (nodes.size() < unordered.size()) {
      unordered.removeAll(new HashSet<>(nodes));
      throw CheckpointFormatException.of(
          Code.GRAPH_CYCLE, path, unordered.get(0) + " needs what it makes");
    }
  }

  /** Gives what a node reads, and of what its nested graphs do what this graph makes. */
  private Set<String> needs(Node node) {
    Set<String> needs =
        node.inputs().stream()
            .filter(name -> !name.isEmpty())
            .collect(Collectors.toCollection(HashSet::new));
    nested.getOrDefault(node, Set.of()).stream().filter(makers::containsKey).forEach(needs::add);
    return needs;
  }

  private void checkMade(String name, String user) {
    if (!tensors.containsKey(name) && !inputs.containsKey(name) && !makers.containsKey(name)) {
      throw CheckpointFormatException.in(
          Code.TENSOR_INFO, path, name, -1, user + " needs it and nothing makes it");
    }
  }

  private CheckpointFormatException twice(String name) {
    return CheckpointFormatException.in(Code.DUPLICATE_KEY, path, name, -1, "is made twice");
  }

  CheckpointFormatException refused(String why) {
    return CheckpointFormatException.of(Code.UNSUPPORTED, path, why);
  }

  /** Makes the exception for a node that is not what its operator demands. */
  CheckpointFormatException malformed(Node node) {
    return CheckpointFormatException.of(
        Code.SHAPE, path, node + " has attributes or inputs that its operator does not allow");
  }

  Path path() {
    return path;
  }

  ModelProto model() {
    return model;
  }

  /** Gives the version of ONNX's own operators. */
  long opset() {
    return model.getOpsetImportList().stream()
        .filter(set -> set.getDomain().isEmpty() || set.getDomain().equals("ai.onnx"))
        .mapToLong(OperatorSetIdProto::getVersion)
        .findFirst()
        .orElse(0);
  }

  List<Node> nodes() {
    return Collections.unmodifiableList(nodes);
  }

  /** Gives initializers and what Constant nodes make, by name. */
  Map<String, TensorProto> tensors() {
    return Collections.unmodifiableMap(tensors);
  }

  @Nullable TensorProto tensor(String name) {
    return tensors.get(name);
  }

  /** Gives the graph's inputs, those with a default included. */
  Map<String, ValueInfoProto> inputs() {
    return Collections.unmodifiableMap(inputs);
  }

  Set<String> outputs() {
    return Collections.unmodifiableSet(outputs);
  }

  @Nullable Node maker(String value) {
    return makers.get(value);
  }

  /** Gives a name that nothing of this graph has: the wanted one, or that with more behind it. */
  String unused(String wanted) {
    String name = wanted;
    while (makers.containsKey(name) || tensors.containsKey(name) || inputs.containsKey(name)) {
      name += "_";
    }
    return name;
  }

  /** Gives the values of this graph that nested graphs use. */
  Set<String> captured() {
    return Collections.unmodifiableSet(captured);
  }
}
