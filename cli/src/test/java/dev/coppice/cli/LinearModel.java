package dev.coppice.cli;

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
import com.google.protobuf.UnsafeByteOperations;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/**
 * Makes models of linear layers, one behind the other, each with a Relu. It is a program too: the
 * large model of docs/sparsify.md.
 */
final class LinearModel {
  private final GraphProto.Builder graph = GraphProto.newBuilder().setName("layers");
  private final Random random = new Random(1);
  private String last = "x";
  private int layers;

  /**
   * Begins a model.
   *
   * @param lead the leading axes of its input; a negative one is open
   */
  LinearModel(int in, long... lead) {
    graph.addInput(value("x", in, lead));
  }

  private static ValueInfoProto value(String name, long width, long... lead) {
    TensorShapeProto.Builder dims = TensorShapeProto.newBuilder();
    for (long size : lead) {
      if (size < 0) {
        dims.addDimBuilder().setDimParam("n" + -size);
      } else {
        dims.addDimBuilder().setDimValue(size);
      }
    }
    dims.addDimBuilder().setDimValue(width);
    TypeProto.Tensor.Builder type =
        TypeProto.Tensor.newBuilder().setElemType(DataType.FLOAT.getNumber()).setShape(dims);
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(type))
        .build();
  }

  /** Adds a MatMul of which that share of the weights is zero, and the Add of a bias. */
  LinearModel matMul(int in, int out, double sparsity) {
    String name = "layer" + layers++;
    weights(name + ".weight", in, out, (row, column) -> random.nextDouble() < sparsity);
    node("MatMul", name + ".product", last, name + ".weight");
    bias(name + ".bias", out);
    node("Add", name + ".sum", last, name + ".bias");
    return relu(name);
  }

  /** Adds a Gemm of 2:4 weights. */
  LinearModel gemm(int in, int out, boolean transB) {
    return gemm(in, out, transB, (row, column) -> (row + column) % 4 < 2);
  }

  /** Adds a Gemm of 1:4 weights. */
  LinearModel quarters(int in, int out) {
    return gemm(in, out, true, (row, column) -> (row + column) % 4 < 3);
  }

  private LinearModel gemm(int in, int out, boolean transB, Zero zero) {
    String name = "layer" + layers++;
    weights(name + ".weight", transB ? out : in, transB ? in : out, zero);
    bias(name + ".bias", out);
    NodeProto.Builder node = node("Gemm", name + ".sum", last, name + ".weight", name + ".bias");
    node.addAttribute(
        AttributeProto.newBuilder()
            .setName("transB")
            .setType(AttributeType.INT)
            .setI(transB ? 1 : 0));
    return relu(name);
  }

  private LinearModel relu(String name) {
    node("Relu", name, last);
    return this;
  }

  private NodeProto.Builder node(String op, String output, String... inputs) {
    NodeProto.Builder node =
        graph.addNodeBuilder().setOpType(op).setName("node/" + output).addOutput(output);
    for (String input : inputs) {
      node.addInput(input);
    }
    last = output;
    return node;
  }

  private interface Zero {
    boolean at(int row, int column);
  }

  private void weights(String name, int rows, int columns, Zero zero) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * rows * columns).order(ByteOrder.LITTLE_ENDIAN);
    double scale = Math.sqrt(2.0 / Math.min(rows, columns));
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        // As good as normal for this, and ten times as fast.
        float weight = (float) (scale * (random.nextFloat() + random.nextFloat() - 1));
        bytes.putFloat(zero.at(row, column) ? 0 : weight);
      }
    }
    tensor(name, bytes.flip(), rows, columns);
  }

  private void bias(String name, int out) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * out).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < out; i++) {
      bytes.putFloat(random.nextFloat() - 0.5f);
    }
    tensor(name, bytes.flip(), out);
  }

  private void tensor(String name, ByteBuffer bytes, long... dims) {
    TensorProto.Builder tensor =
        graph.addInitializerBuilder().setName(name).setDataType(DataType.FLOAT.getNumber());
    for (long size : dims) {
      tensor.addDims(size);
    }
    tensor.setRawData(UnsafeByteOperations.unsafeWrap(bytes));
  }

  Path write(Path file) throws IOException {
    ModelProto model =
        ModelProto.newBuilder()
            .setIrVersion(8)
            .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
            .setGraph(graph.clone().addOutput(ValueInfoProto.newBuilder().setName(last)))
            .build();
    return Files.write(file, model.toByteArray());
  }

  /** Writes a dense model of four layers as large as those of an 8-billion-parameter model. */
  public static void main(String[] arguments) throws IOException {
    LinearModel model = new LinearModel(4096, -1);
    for (int i = 0; i < 2; i++) {
      model.matMul(4096, 14336, 0).matMul(14336, 4096, 0);
    }
    model.write(Path.of(arguments[0]));
  }
}
