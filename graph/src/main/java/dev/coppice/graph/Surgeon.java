package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Removes classes of indices from a model: cuts its weights, and writes anew what its nodes say of
 * sizes. Inputs and outputs of the graph stay as they are.
 */
final class Surgeon {
  private final Graph graph;
  private final Shapes shapes;
  private final Cut cut;
  private final Map<String, TensorProto> made = new LinkedHashMap<>();
  private final Set<Node> retargeted = new HashSet<>();

  private Surgeon(Graph graph, Shapes shapes, Cut cut) {
    this.graph = graph;
    this.shapes = shapes;
    this.cut = cut;
  }

  /**
   * Gives the smaller model.
   *
   * @throws IllegalStateException if its shapes are not what the cut says, which is a bug
   */
  static ModelProto remove(Graph graph, Shapes shapes, Cut cut) {
    ModelProto small = new Surgeon(graph, shapes, cut).operate();
    check(Graph.of(small, graph.path()), shapes, cut);
    return small;
  }

  /** Gives the model in which everything that {@link #remove} takes away is zero. */
  static ModelProto zero(Graph graph, Cut cut) {
    ModelProto.Builder model = graph.model().toBuilder();
    for (TensorProto.Builder tensor : model.getGraphBuilder().getInitializerBuilderList()) {
      TensorProto dense = tensor.build();
      tensor.clear().mergeFrom(cut.zeroIn(dense));
    }
    for (NodeProto.Builder node : model.getGraphBuilder().getNodeBuilderList()) {
      TensorProto dense =
          node.getOpType().equals("Constant") ? graph.tensor(node.getOutput(0)) : null;
      if (dense != null && cut.cuts(dense.getName())) {
        constant(node, cut.zeroIn(dense));
      }
    }
    return model.build();
  }

  private ModelProto operate() {
    Set<String> constants = new LinkedHashSet<>();
    ShapeUse use = new ShapeUse(graph, shapes);
    for (Node node : graph.nodes()) {
      if (node.op().equals("Shape") && cut.cuts(node.input(0))) {
        constants.addAll(use.constants(node));
        retargeted.addAll(use.targets(node));
      }
    }
    List<NodeProto> nodes = new ArrayList<>();
    for (Node node : graph.nodes()) {
      if (!constants.contains(node.output(0))) {
        nodes.add(rewrite(node));
      }
    }
    for (String value : constants) {
      long[] numbers = Objects.requireNonNull(shapes.numbers(value));
      TensorProto vector = TensorBytes.integers(value, numbers, use.type(value));
      long[] shape = Objects.requireNonNull(shapes.of(value));
      made.put(value, shape.length == 0 ? vector.toBuilder().clearDims().build() : vector);
    }
    GraphProto.Builder body = graph.model().getGraph().toBuilder();
    body.clearNode().clearInitializer().clearValueInfo();
    Needed needed = Needed.of(graph, nodes);
    body.addAllNode(needed.nodes());
    for (TensorProto tensor : needed.initializers()) {
      body.addInitializer(cut.removeFrom(tensor));
    }
    made.values().stream().filter(t -> needed.reads(t.getName())).forEach(body::addInitializer);
    return graph.model().toBuilder().setGraph(body).build();
  }

  private NodeProto rewrite(Node node) {
    NodeProto.Builder changed = node.proto().toBuilder();
    switch (node.op()) {
      case "Constant" -> {
        TensorProto tensor = graph.tensor(node.output(0));
        if (tensor != null && cut.cuts(node.output(0))) {
          constant(changed, cut.removeFrom(tensor));
        }
      }
      case "Conv", "ConvTranspose" -> groups(node, changed);
      case "GroupNormalization" -> {
        String in = node.input(0);
        long channels = Objects.requireNonNull(shapes.of(in))[1];
        if (cut.cuts(in, 1)) {
          long left = node.integer("num_groups", 1) * cut.kept(in, 1).length / channels;
          attribute(changed, "num_groups", left);
        }
      }
      case "Reshape" -> {
        if (cut.cuts(node.output(0)) || cut.cuts(node.input(0)) || retargeted.contains(node)) {
          target(node, changed, Objects.requireNonNull(Targets.reshape(node, shapes)));
          remove(changed, "allowzero");
        }
      }
      case "Expand" -> {
        if (cut.cuts(node.output(0)) || retargeted.contains(node)) {
          target(node, changed, Objects.requireNonNull(Targets.expand(node, shapes)));
        }
      }
      case "Split" -> split(node, changed);
      case "Slice" -> slice(node, changed);
      case "Resize" -> resize(node, changed);
      default -> {}
    }
    return changed.build();
  }

  /** Writes a target with the sizes after the cut. */
  private void target(Node node, NodeProto.Builder changed, long[] dense) {
    String out = node.output(0);
    long[] cutShape = cut.shape(out, Objects.requireNonNull(shapes.of(out)));
    for (int i = 0; i < dense.length; i++) {
      dense[i] = cut.cuts(out, i) && dense[i] > 1 ? cutShape[i] : dense[i];
    }
    input(node, changed, 1, dense);
  }

  private void groups(Node node, NodeProto.Builder changed) {
    String in = node.input(0);
    long channels = Objects.requireNonNull(shapes.of(in))[1];
    if (Dim.isKnown(channels) && Grouping.of(node, channels) == Grouping.WHOLE) {
      long each = channels / node.integer("group", 1);
      attribute(changed, "group", cut.shape(in, Objects.requireNonNull(shapes.of(in)))[1] / each);
    }
  }

  private void split(Node node, NodeProto.Builder changed) {
    String in = node.input(0);
    long[] dense = Objects.requireNonNull(shapes.of(in));
    int axis = Axes.wrap(node.integer("axis", 0), dense.length);
    if (!cut.cuts(in, axis)) {
      return;
    }
    long[] sizes = new long[node.outputs().size()];
    for (int i = 0; i < sizes.length; i++) {
      String out = node.output(i);
      sizes[i] = cut.shape(out, Objects.requireNonNull(shapes.of(out)))[axis];
    }
    remove(changed, "num_outputs");
    if (graph.opset() < 13) {
      attribute(changed, "split", sizes);
    } else {
      input(node, changed, 1, sizes);
    }
  }

  private void slice(Node node, NodeProto.Builder changed) {
    String in = node.input(0);
    long[] dense = Objects.requireNonNull(shapes.of(in));
    SliceBounds bounds = SliceBounds.of(node, shapes, dense.length);
    if (bounds == null) {
      return;
    }
    boolean sliced = false;
    for (int axis = 0; axis < dense.length; axis++) {
      sliced |= bounds.cuts(axis) && cut.cuts(in, axis);
    }
    if (!sliced) {
      return;
    }
    long[] starts =
        bounds.axes().stream().mapToLong(axis -> moved(in, axis, bounds.start(axis))).toArray();
    long[] ends =
        bounds.axes().stream().mapToLong(axis -> moved(in, axis, bounds.end(axis))).toArray();
    if (node.has("starts")) {
      attribute(changed, "starts", starts);
      attribute(changed, "ends", ends);
    } else {
      input(node, changed, 1, starts);
      input(node, changed, 2, ends);
    }
  }

  /** Gives where a bound of a slice is after the cut. */
  private long moved(String in, int axis, long bound) {
    if (!cut.cuts(in, axis)) {
      return bound;
    }
    int size = (int) Objects.requireNonNull(shapes.of(in))[axis];
    int dense = IntegerRules.bound(bound, size);
    return Arrays.stream(cut.kept(in, axis)).filter(index -> index < dense).count();
  }

  private void resize(Node node, NodeProto.Builder changed) {
    long[] sizes = shapes.numbers(node.input(3));
    if (sizes != null && cut.cuts(node.input(0))) {
      input(node, changed, 3, cut.shape(node.output(0), sizes));
    }
  }

  /** Gives a node an input of its own with these numbers. */
  private void input(Node node, NodeProto.Builder changed, int index, long[] numbers) {
    String name = graph.unused(node.output(0) + "/cut" + index);
    made.put(name, TensorBytes.integers(name, numbers));
    while (changed.getInputCount() <= index) {
      changed.addInput("");
    }
    changed.setInput(index, name);
  }

  private static void remove(NodeProto.Builder node, String attribute) {
    for (int i = node.getAttributeCount() - 1; i >= 0; i--) {
      if (node.getAttribute(i).getName().equals(attribute)) {
        node.removeAttribute(i);
      }
    }
  }

  private static void attribute(NodeProto.Builder node, String name, long value) {
    remove(node, name);
    node.addAttribute(
        AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value));
  }

  private static void attribute(NodeProto.Builder node, String name, long[] values) {
    remove(node, name);
    AttributeProto.Builder made =
        AttributeProto.newBuilder().setName(name).setType(AttributeType.INTS);
    Arrays.stream(values).forEach(made::addInts);
    node.addAttribute(made);
  }

  private static void constant(NodeProto.Builder node, TensorProto tensor) {
    node.clearAttribute()
        .addAttribute(
            AttributeProto.newBuilder()
                .setName("value")
                .setType(AttributeType.TENSOR)
                .setT(tensor));
  }

  /** Infers all shapes again, and compares them with what the cut leaves. */
  private static void check(Graph small, Shapes dense, Cut cut) {
    Shapes shapes = Shapes.infer(small, Map.of());
    for (Node node : small.nodes()) {
      for (String value : node.outputs()) {
        long[] before = dense.of(value);
        long[] found = shapes.of(value);
        if (before == null || found == null) {
          continue;
        }
        long[] expected = cut.shape(value, before);
        for (int i = 0; i < expected.length; i++) {
          boolean known = Dim.isKnown(expected[i]) && i < found.length && Dim.isKnown(found[i]);
          if (found.length != expected.length || (known && expected[i] != found[i])) {
            throw new IllegalStateException(
                "%s makes \"%s\" with %s, and %s was expected; please report this"
                    .formatted(node, value, Arrays.toString(found), Arrays.toString(expected)));
          }
        }
      }
    }
  }
}
