package dev.coppice.formats.onnx;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.ByteString;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** Small models. */
final class Models {
  private Models() {}

  static ModelProto model(GraphProto.Builder graph, FunctionProto... functions) {
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .setProducerName("a test")
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(13))
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("com.microsoft").setVersion(1))
        .setGraph(graph.setName("g"))
        .addAllFunctions(Arrays.asList(functions))
        .build();
  }

  /** Gives a node: names of inputs and outputs are separated by spaces. */
  static NodeProto node(String operator, String in, String out, AttributeProto... attributes) {
    return NodeProto.newBuilder()
        .setOpType(operator)
        .setName("the " + operator)
        .addAllInput(List.of(in.split(" ")))
        .addAllOutput(List.of(out.split(" ")))
        .addAllAttribute(Arrays.asList(attributes))
        .build();
  }

  static NodeProto in(String domain, NodeProto node) {
    return node.toBuilder().setDomain(domain).build();
  }

  static AttributeProto integer(String name, long value) {
    return AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value).build();
  }

  static AttributeProto integers(String name, Long... values) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeType.INTS)
        .addAllInts(List.of(values))
        .build();
  }

  static AttributeProto tensor(String name, TensorProto value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeType.TENSOR)
        .setT(value)
        .build();
  }

  static AttributeProto graph(String name, GraphProto.Builder value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeType.GRAPH)
        .setG(value.setName(name))
        .build();
  }

  /** Gives an F32 tensor with raw data, none of them zero. */
  static TensorProto floats(String name, long... dims) {
    return tensor(name, DataType.FLOAT, dims).setRawData(randomFloats(name, dims)).build();
  }

  static ByteString randomFloats(String seed, long... dims) {
    int count = (int) Arrays.stream(dims).reduce(1, (a, b) -> a * b);
    SplittableRandom random = new SplittableRandom(seed.hashCode());
    ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      bytes.putFloat((float) random.nextDouble(0.1, 1));
    }
    return ByteString.copyFrom(bytes.flip());
  }

  static TensorProto.Builder tensor(String name, DataType type, long... dims) {
    TensorProto.Builder tensor = TensorProto.newBuilder().setName(name);
    tensor.setDataType(type.getNumber());
    Arrays.stream(dims).forEach(tensor::addDims);
    return tensor;
  }

  /** Gives a tensor whose data lie elsewhere; entries are keys and values in turn. */
  static TensorProto external(String name, List<Long> dims, String... entries) {
    TensorProto.Builder tensor =
        tensor(name, DataType.FLOAT, dims.stream().mapToLong(Long::longValue).toArray())
            .setDataLocation(TensorProto.DataLocation.EXTERNAL);
    for (int i = 0; i < entries.length; i += 2) {
      tensor.addExternalData(
          StringStringEntryProto.newBuilder().setKey(entries[i]).setValue(entries[i + 1]));
    }
    return tensor.build();
  }

  static ValueInfoProto value(String name, long... dims) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    for (long dim : dims) {
      shape.addDim(TensorShapeProto.Dimension.newBuilder().setDimValue(dim));
    }
    TypeProto.Tensor.Builder type =
        TypeProto.Tensor.newBuilder().setElemType(DataType.FLOAT.getNumber()).setShape(shape);
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(type))
        .build();
  }

  static Path write(Path file, ModelProto model) throws IOException {
    return Files.write(file, model.toByteArray());
  }
}
