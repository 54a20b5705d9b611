package dev.coppice.integrations.onnxruntime;

import ai.onnx.proto.OnnxMl;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;

/** The ONNX model {@code y = x * w}, with zeros for {@code w}, which is stored [in, out]. */
final class ProductModel {
  private ProductModel() {}

  static byte[] of(int rows, int in, int out) {
    OnnxMl.GraphProto graph =
        OnnxMl.GraphProto.newBuilder()
            .setName("product")
            .addNode(
                OnnxMl.NodeProto.newBuilder()
                    .setOpType("MatMul")
                    .addInput("x")
                    .addInput("w")
                    .addOutput("y"))
            .addInput(value("x", rows, in))
            .addOutput(value("y", rows, out))
            .addInitializer(
                OnnxMl.TensorProto.newBuilder()
                    .setName("w")
                    .setDataType(DataType.FLOAT_VALUE)
                    .addDims(in)
                    .addDims(out)
                    .setRawData(ByteString.copyFrom(new byte[4 * in * out])))
            .build();
    return OnnxMl.ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OnnxMl.OperatorSetIdProto.newBuilder().setVersion(13))
        .setGraph(graph)
        .build()
        .toByteArray();
  }

  private static OnnxMl.ValueInfoProto value(String name, int rows, int columns) {
    OnnxMl.TensorShapeProto shape =
        OnnxMl.TensorShapeProto.newBuilder()
            .addDim(OnnxMl.TensorShapeProto.Dimension.newBuilder().setDimValue(rows))
            .addDim(OnnxMl.TensorShapeProto.Dimension.newBuilder().setDimValue(columns))
            .build();
    OnnxMl.TypeProto.Tensor tensor =
        OnnxMl.TypeProto.Tensor.newBuilder()
            .setElemType(DataType.FLOAT_VALUE)
            .setShape(shape)
            .build();
    return OnnxMl.ValueInfoProto.newBuilder()
        .setName(name)
        .setType(OnnxMl.TypeProto.newBuilder().setTensorType(tensor))
        .build();
  }
}
