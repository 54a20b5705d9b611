package dev.coppice.graph;

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
import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/** Builds small models. */
final class ModelBuilder {
  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("g");
  private final Random random = new Random(0);
  private long opset = 17;

  ModelBuilder opset(long version) {
    opset = version;
    return this;
  }

  /** Adds an input of floats; a negative size is open. */
  ModelBuilder input(String name, long... shape) {
    graph.addInput(value(name, shape));
    return this;
  }

  /** Adds an input of floats that may have any rank. */
  ModelBuilder rankless(String name) {
    ValueInfoProto.Builder input = value(name).toBuilder();
    input.getTypeBuilder().getTensorTypeBuilder().clearShape();
    graph.addInput(input);
    return this;
  }

  ModelBuilder output(String name, long... shape) {
    graph.addOutput(value(name, shape));
    return this;
  }

  /** Makes a value an output whose shape is not said. */
  ModelBuilder output(String name) {
    graph.addOutput(ValueInfoProto.newBuilder().setName(name));
    return this;
  }

  private static ValueInfoProto value(String name, long... shape) {
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
                    TypeProto.Tensor.newBuilder()
                        .setElemType(DataType.FLOAT.getNumber())
                        .setShape(dims)))
        .build();
  }

  /** Adds a weight of random numbers. */
  ModelBuilder weight(String name, long... shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(DataType.FLOAT.getNumber());
    long count = 1;
    for (long size : shape) {
      tensor.addDims(size);
      count *= size;
    }
    for (long i = 0; i < count; i++) {
      tensor.addFloatData((float) random.nextGaussian());
    }
    graph.addInitializer(tensor);
    return this;
  }

  ModelBuilder floats(String name, float[] values, long... shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(DataType.FLOAT.getNumber());
    for (long size : shape) {
      tensor.addDims(size);
    }
    for (float value : values) {
      tensor.addFloatData(value);
    }
    graph.addInitializer(tensor);
    return this;
  }

  /** Adds a weight of ones. */
  ModelBuilder ones(String name, int count) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder().setName(name).setDataType(DataType.FLOAT.getNumber());
    graph.addInitializer(tensor.addDims(count).addAllFloatData(Collections.nCopies(count, 1f)));
    return this;
  }

  ModelBuilder integers(String name, long... values) {
    graph.addInitializer(TensorBytes.integers(name, values));
    return this;
  }

  ModelBuilder index(String name, long value) {
    graph.addInitializer(TensorBytes.integers(name, new long[] {value}).toBuilder().clearDims());
    return this;
  }

  /** Adds a node; attributes are names and then a Long, long[], Float or String. */
  ModelBuilder node(String op, List<String> inputs, List<String> outputs, Object... attributes) {
    NodeProto.Builder node =
        NodeProto.newBuilder()
            .setOpType(op)
            .setName("the_" + outputs.get(0))
            .addAllInput(inputs)
            .addAllOutput(outputs);
    for (int i = 0; i < attributes.length; i += 2) {
      AttributeProto.Builder made = AttributeProto.newBuilder().setName((String) attributes[i]);
      if (attributes[i + 1] instanceof long[] many) {
        made.setType(AttributeType.INTS);
        for (long one : many) {
          made.addInts(one);
        }
      } else if (attributes[i + 1] instanceof Float real) {
        made.setType(AttributeType.FLOAT).setF(real);
      } else if (attributes[i + 1] instanceof String text) {
        made.setType(AttributeType.STRING).setS(ByteString.copyFromUtf8(text));
      } else {
        made.setType(AttributeType.INT).setI((Long) attributes[i + 1]);
      }
      node.addAttribute(made);
    }
    graph.addNode(node);
    return this;
  }

  /** Adds a node of one output, which its last argument names. */
  ModelBuilder node(String op, String inputs, String output, Object... attributes) {
    return node(op, List.of(inputs.split(" ", -1)), List.of(output), attributes);
  }

  /**
   * Adds an If: its branches are Relu and Neg of a value that it captures; the condition is whether
   * the first element of an input is above zero.
   */
  ModelBuilder branch(String captured, String output, String decides) {
    integers(output + "_flat", -1)
        .index(output + "_first", 0)
        .floats(output + "_zero", new float[1]);
    node("Reshape", decides + " " + output + "_flat", output + "_row");
    node("Gather", output + "_row " + output + "_first", output + "_one");
    node("Greater", output + "_one " + output + "_zero", output + "_if");
    NodeProto.Builder node =
        NodeProto.newBuilder()
            .setOpType("If")
            .setName("the_" + output)
            .addInput(output + "_if")
            .addOutput(output);
    for (String branch : List.of("then_branch", "else_branch")) {
      String op = branch.startsWith("then") ? "Relu" : "Neg";
      node.addAttribute(
          AttributeProto.newBuilder()
              .setName(branch)
              .setType(AttributeType.GRAPH)
              .setG(
                  GraphProto.newBuilder()
                      .setName(branch)
                      .addNode(
                          NodeProto.newBuilder()
                              .setOpType(op)
                              .addInput(captured)
                              .addOutput(output + branch))
                      .addOutput(ValueInfoProto.newBuilder().setName(output + branch))));
    }
    graph.addNode(node);
    return this;
  }

  /** Adds a Loop that adds a value that it captures to itself three times. */
  ModelBuilder loop(String captured, String output) {
    index(output + "_times", 3);
    GraphProto.Builder body =
        body(output + "_body", output + "_turn", output + "_on", output + "_sum")
            .addNode(inner("Identity", output + "_on", output + "_on_out"))
            .addNode(inner("Add", output + "_sum", output + "_sum_out").addInput(captured));
    addOutput(body, output + "_on_out");
    addOutput(body, output + "_sum_out");
    for (int input = 0; input < 2; input++) {
      body.getInputBuilder(input)
          .getTypeBuilder()
          .getTensorTypeBuilder()
          .setElemType((input == 0 ? DataType.INT64 : DataType.BOOL).getNumber())
          .setShape(TensorShapeProto.getDefaultInstance());
    }
    graph.addNode(
        nesting("Loop", body, output).addInput(output + "_times").addInput("").addInput(captured));
    return this;
  }

  /** Adds a Scan that applies Relu to each row of a value. */
  ModelBuilder scan(String rows, String output) {
    GraphProto.Builder body =
        body(output + "_body", output + "_row")
            .addNode(inner("Relu", output + "_row", output + "_row_out"));
    addOutput(body, output + "_row_out");
    graph.addNode(
        nesting("Scan", body, output)
            .addInput(rows)
            .addAttribute(
                AttributeProto.newBuilder()
                    .setName("num_scan_inputs")
                    .setType(AttributeType.INT)
                    .setI(1)));
    return this;
  }

  private static GraphProto.Builder body(String name, String... inputs) {
    GraphProto.Builder body = GraphProto.newBuilder().setName(name);
    for (String input : inputs) {
      ValueInfoProto.Builder value = ValueInfoProto.newBuilder().setName(input);
      value.getTypeBuilder().getTensorTypeBuilder().setElemType(DataType.FLOAT.getNumber());
      body.addInput(value);
    }
    return body;
  }

  private static void addOutput(GraphProto.Builder body, String name) {
    body.addOutput(ValueInfoProto.newBuilder().setName(name));
  }

  private static NodeProto.Builder inner(String op, String input, String output) {
    return NodeProto.newBuilder().setOpType(op).addInput(input).addOutput(output);
  }

  private static NodeProto.Builder nesting(String op, GraphProto.Builder body, String output) {
    return NodeProto.newBuilder()
        .setOpType(op)
        .setName("the_" + output)
        .addOutput(output)
        .addAttribute(
            AttributeProto.newBuilder().setName("body").setType(AttributeType.GRAPH).setG(body));
  }

  ModelProto model() {
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(opset))
        .setGraph(graph)
        .build();
  }

  Graph graph() {
    return Graph.of(model(), Path.of("built.onnx"));
  }
}
