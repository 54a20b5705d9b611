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
import com.google.protobuf.ByteString;
import dev.coppice.Tensor;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.Part;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** A model of one node of the operator SparseLinear, whose parts can be spoilt. */
final class OperatorModel {
  private static final List<String> INPUTS = List.of("values", "index", "offsets", "bias");

  private String format;
  private long out;
  private long in;
  private final Map<String, TensorProto> parts = new LinkedHashMap<>();
  private String given = "";

  OperatorModel(Format format, Tensor weights, Optional<Tensor> bias) {
    LinearWeights held = LinearWeights.compress(format, weights);
    this.format = format.title();
    this.out = held.out();
    this.in = held.in();
    for (Part part : held.parts()) {
      boolean index = List.of("bits", "positions", "columns").contains(part.name());
      parts.put(index ? "index" : part.name(), tensor(part));
    }
    bias.ifPresent(
        b ->
            parts.put(
                "bias",
                TensorProto.newBuilder()
                    .setDataType(DataType.FLOAT.getNumber())
                    .addDims(out)
                    .setRawData(ByteString.copyFrom(LayerCase.bytes(b)))
                    .build()));
  }

  private static TensorProto tensor(Part part) {
    DataType type =
        switch (part.type()) {
          case "U8" -> DataType.UINT8;
          case "U32" -> DataType.UINT32;
          case "I32" -> DataType.INT32;
          case "I64" -> DataType.INT64;
          default -> DataType.FLOAT;
        };
    TensorProto.Builder made = TensorProto.newBuilder().setDataType(type.getNumber());
    for (long size : part.shape().toArray()) {
      made.addDims(size);
    }
    return made.setRawData(ByteString.copyFrom(part.data())).build();
  }

  OperatorModel format(String other) {
    format = other;
    return this;
  }

  OperatorModel size(long otherOut, long otherIn) {
    out = otherOut;
    in = otherIn;
    return this;
  }

  /** Makes a part an input of the graph. */
  OperatorModel asInput(String part) {
    given = part;
    return this;
  }

  OperatorModel without(String part) {
    parts.remove(part);
    return this;
  }

  private TensorProto stored(String part) {
    return Objects.requireNonNull(parts.get(part));
  }

  /** Gives the bytes of a part, to be changed and given back to {@link #replace}. */
  ByteBuffer bytes(String part) {
    byte[] bytes = stored(part).getRawData().toByteArray();
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  OperatorModel replace(String part, ByteBuffer bytes, long... dims) {
    TensorProto.Builder made =
        stored(part).toBuilder().setRawData(ByteString.copyFrom(bytes.rewind()));
    if (dims.length > 0) {
      made.clearDims();
      for (long size : dims) {
        made.addDims(size);
      }
    }
    parts.put(part, made.build());
    return this;
  }

  /** Makes the model; its input x has that many axes, all open. */
  byte[] build(int rank) {
    GraphProto.Builder graph = GraphProto.newBuilder().setName("g");
    graph.addInput(value("x", rank)).addOutput(value("y", rank));
    NodeProto.Builder node =
        graph
            .addNodeBuilder()
            .setDomain("dev.coppice")
            .setOpType("SparseLinear")
            .setName("the layer")
            .addInput("x")
            .addOutput("y");
    for (String name : INPUTS) {
      TensorProto part = parts.get(name);
      node.addInput(part == null ? "" : name);
      if (part != null && !name.equals(given)) {
        graph.addInitializer(part.toBuilder().setName(name));
      }
    }
    if (!given.isEmpty()) {
      graph.addInput(value(given, 1));
    }
    node.addAttribute(
            attribute("format", AttributeType.STRING).setS(ByteString.copyFromUtf8(format)))
        .addAttribute(attribute("out", AttributeType.INT).setI(out))
        .addAttribute(attribute("in", AttributeType.INT).setI(in));
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("dev.coppice").setVersion(1))
        .setGraph(graph)
        .build()
        .toByteArray();
  }

  private static AttributeProto.Builder attribute(String name, AttributeType type) {
    return AttributeProto.newBuilder().setName(name).setType(type);
  }

  private static ValueInfoProto value(String name, int rank) {
    TensorShapeProto.Builder dims = TensorShapeProto.newBuilder();
    for (int i = 0; i < rank; i++) {
      dims.addDimBuilder().setDimParam(name + i);
    }
    TypeProto.Tensor type =
        TypeProto.Tensor.newBuilder()
            .setElemType(DataType.FLOAT.getNumber())
            .setShape(dims)
            .build();
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(type))
        .build();
  }
}
