package dev.coppice.evaluation;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** Builds models of a few nodes. */
final class TinyGraph {
  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("g");

  /** Adds an input; a negative size is open. */
  TinyGraph input(String name, DataType type, long... shape) {
    graph.addInput(value(name, type, shape));
    return this;
  }

  TinyGraph output(String name, DataType type, long... shape) {
    graph.addOutput(value(name, type, shape));
    return this;
  }

  private static ValueInfoProto value(String name, DataType type, long... shape) {
    TensorShapeProto.Builder dims = TensorShapeProto.newBuilder();
    for (long size : shape) {
      TensorShapeProto.Dimension.Builder dim = dims.addDimBuilder();
      if (size < 0) {
        dim.setDimParam("open" + -size);
      } else {
        dim.setDimValue(size);
      }
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder().setElemType(type.getNumber()).setShape(dims)))
        .build();
  }

  /** Adds a constant of floats: what is given, over and over. */
  TinyGraph floats(String name, List<Long> shape, float... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(DataType.FLOAT.getNumber())
            .addAllDims(shape);
    long count = shape.stream().reduce(1L, (a, b) -> a * b);
    for (int i = 0; i < count; i++) {
      tensor.addFloatData(values[i % values.length]);
    }
    graph.addInitializer(tensor);
    return this;
  }

  /** Adds a constant of one F16 number, given by its bits. */
  TinyGraph half(String name, int bits) {
    graph.addInitializer(
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(DataType.FLOAT16.getNumber())
            .addDims(1)
            .addInt32Data(bits));
    return this;
  }

  TinyGraph integers(String name, long... values) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(DataType.INT64.getNumber())
            .addDims(values.length);
    for (long value : values) {
      tensor.addInt64Data(value);
    }
    graph.addInitializer(tensor);
    return this;
  }

  /** Adds a node; attributes are names, each followed by a Long or a GraphProto. */
  TinyGraph node(String op, String inputs, String output, Object... attributes) {
    NodeProto.Builder node =
        NodeProto.newBuilder().setOpType(op).setName("the_" + output).addOutput(output);
    for (String input : inputs.isEmpty() ? new String[0] : inputs.split(" ", -1)) {
      node.addInput(input);
    }
    for (int i = 0; i < attributes.length; i += 2) {
      AttributeProto.Builder made = AttributeProto.newBuilder().setName((String) attributes[i]);
      if (attributes[i + 1] instanceof GraphProto nested) {
        made.setType(AttributeType.GRAPH).setG(nested);
      } else {
        made.setType(AttributeType.INT).setI((Long) attributes[i + 1]);
      }
      node.addAttribute(made);
    }
    graph.addNode(node);
    return this;
  }

  GraphProto nested() {
    return graph.build();
  }

  byte[] bytes() {
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
        .setGraph(graph)
        .build()
        .toByteArray();
  }

  ModelGraph graph() throws IOException {
    return ModelGraph.of(bytes());
  }

  /** Makes a model of one matrix product and then {@code op}, which gives the output y. */
  static TinyGraph product(String op, float... weights) {
    return new TinyGraph()
        .input("x", DataType.FLOAT, -1, 3)
        .floats("w", List.of(3L, 4L), weights)
        .node("MatMul", "x w", op.toLowerCase(Locale.ROOT) + "_in")
        .node(op, op.toLowerCase(Locale.ROOT) + "_in", "y");
  }
}
