package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.Collection;
import java.util.List;

/**
 * A model that takes the inputs of another and adds up what flows through it. The sums are made by
 * nodes, so that a batch leaves a few numbers whatever its size.
 */
final class TapModel {
  private final Graph graph;
  private final GraphProto.Builder body;
  private int made;

  /** Begins with the nodes that some values need. */
  TapModel(Graph graph, Collection<String> values) {
    this.graph = graph;
    this.body = Excerpt.body(graph, values);
  }

  byte[] bytes() {
    return graph.model().toBuilder().setGraph(body).build().toByteArray();
  }

  /** Makes a value an output of the model. */
  void output(String value) {
    body.addOutput(ValueInfoProto.newBuilder().setName(value));
  }

  /** Adds a node, and gives the name of what it makes. */
  String node(String op, List<String> inputs, AttributeProto... attributes) {
    String name = name();
    body.addNode(
        NodeProto.newBuilder()
            .setOpType(op)
            .addAllInput(inputs)
            .addOutput(name)
            .addAllAttribute(List.of(attributes)));
    return name;
  }

  /** Adds a constant, and gives its name. */
  String constant(TensorProto tensor) {
    String name = name();
    body.addInitializer(tensor.toBuilder().setName(name));
    return name;
  }

  private String name() {
    return graph.unused("tap/" + made++);
  }

  String floats(String value) {
    return node("Cast", List.of(value), attribute("to", DataType.FLOAT.getNumber()));
  }

  String reshape(String value, long... shape) {
    return node("Reshape", List.of(value, constant(TensorBytes.integers("", shape))));
  }

  String transpose(String value, long... order) {
    return node("Transpose", List.of(value), attribute("perm", order));
  }

  /** Reduces some axes of a value, and takes them away. */
  String reduce(String op, String value, long... axes) {
    AttributeProto gone = attribute("keepdims", 0);
    long since = op.equals("ReduceSum") ? 13 : 18;
    if (axes.length == 0) {
      return node(op, List.of(value), gone);
    }
    return graph.opset() < since
        ? node(op, List.of(value), gone, attribute("axes", axes))
        : node(op, List.of(value, constant(TensorBytes.integers("", axes))), gone);
  }

  static AttributeProto attribute(String name, long value) {
    return AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value).build();
  }

  static AttributeProto attribute(String name, long[] values) {
    AttributeProto.Builder list =
        AttributeProto.newBuilder().setName(name).setType(AttributeType.INTS);
    for (long value : values) {
      list.addInts(value);
    }
    return list.build();
  }
}
