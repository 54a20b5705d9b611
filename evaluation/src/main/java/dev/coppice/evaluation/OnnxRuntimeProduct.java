package dev.coppice.evaluation;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.coppice.Tensor;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.LinearOperator;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A model of one Gemm, whose weights lie where the caller has them. */
final class OnnxRuntimeProduct implements LinearOperator {
  private static final int IR_VERSION = 8;
  private static final int OPSET = 13;
  private static final String X = "x";
  private static final String Y = "y";
  private static final String WEIGHTS = "w";
  private static final String BIAS = "b";

  private final OrtSession session;
  private final Map<String, OnnxTensor> initializers;
  private final long bytes;
  private @Nullable Operands last;
  private boolean closed;

  private OnnxRuntimeProduct(OrtSession session, Map<String, OnnxTensor> initializers, long bytes) {
    this.session = session;
    this.initializers = initializers;
    this.bytes = bytes;
  }

  static OnnxRuntimeProduct of(LinearWeights weights, Optional<Tensor> bias, int threads) {
    Map<String, OnnxTensor> initializers = new HashMap<>();
    try {
      initializers.put(WEIGHTS, wrap(weights.parts().get(0).data(), weights.out(), weights.in()));
      if (bias.isPresent()) {
        initializers.put(BIAS, wrap(copy(bias.get()), weights.out()));
      }
      byte[] model = model(weights.out(), weights.in(), bias.isPresent());
      OrtSession session = OnnxModel.sessionToTime(model, threads, initializers);
      return new OnnxRuntimeProduct(session, initializers, weights.bytes());
    } catch (OrtException e) {
      initializers.values().forEach(OnnxTensor::close);
      throw failed(e);
    } catch (RuntimeException | Error e) {
      initializers.values().forEach(OnnxTensor::close);
      throw e;
    }
  }

  private static byte[] model(long out, long in, boolean biased) {
    NodeProto.Builder gemm =
        NodeProto.newBuilder().setOpType("Gemm").addInput(X).addInput(WEIGHTS).addOutput(Y);
    gemm.addAttribute(
        AttributeProto.newBuilder()
            .setName("transB")
            .setType(AttributeProto.AttributeType.INT)
            .setI(1));
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .setName("linear")
            .addInput(value(X, in))
            .addOutput(value(Y, out))
            .addInitializer(elsewhere(WEIGHTS, out, in));
    if (biased) {
      gemm.addInput(BIAS);
      graph.addInitializer(elsewhere(BIAS, out));
    }
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(OPSET))
        .setGraph(graph.addNode(gemm))
        .build()
        .toByteArray();
  }

  private static ValueInfoProto value(String name, long columns) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    shape.addDimBuilder().setDimParam("batch");
    shape.addDimBuilder().setDimValue(columns);
    TypeProto.Tensor.Builder tensor =
        TypeProto.Tensor.newBuilder()
            .setElemType(TensorProto.DataType.FLOAT.getNumber())
            .setShape(shape);
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(tensor))
        .build();
  }

  /** Declares an initializer whose elements the session is given; there is no such file. */
  private static TensorProto elsewhere(String name, long... shape) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(TensorProto.DataType.FLOAT.getNumber())
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(
                StringStringEntryProto.newBuilder().setKey("location").setValue("memory"));
    for (long size : shape) {
      tensor.addDims(size);
    }
    return tensor.build();
  }

  private static OnnxTensor wrap(ByteBuffer data, long... shape) throws OrtException {
    return OnnxTensor.createTensor(OnnxModel.ENVIRONMENT, data, shape, OnnxJavaType.FLOAT);
  }

  private static ByteBuffer copy(Tensor tensor) {
    ByteBuffer bytes = direct(tensor);
    tensor.read(0, bytes);
    return bytes.clear();
  }

  private static ByteBuffer direct(Tensor tensor) {
    int bytes = Math.toIntExact(tensor.shape().elements() * tensor.dtype().bytes());
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Operands as ONNX Runtime takes them; those of the last call are often those of the next. */
  private static final class Operands implements AutoCloseable {
    private final Tensor x;
    private final Tensor y;
    private final ByteBuffer outputs;
    private final boolean inPlace;
    private final OnnxTensor in;
    private final OnnxTensor out;

    Operands(Tensor x, Tensor y) throws OrtException {
      this.x = x;
      this.y = y;
      Optional<ByteBuffer> view = view(y);
      this.inPlace = view.isPresent();
      this.outputs = view.orElseGet(() -> direct(y));
      this.in = wrap(view(x).orElseGet(() -> copy(x)), x.shape().toArray());
      try {
        this.out = wrap(outputs, y.shape().toArray());
      } catch (OrtException | RuntimeException | Error e) {
        in.close();
        throw e;
      }
    }

    private static Optional<ByteBuffer> view(Tensor tensor) {
      return tensor.view(0, Math.toIntExact(tensor.shape().elements()));
    }

    /** Whether they are those, in memory that is shared: what is in an array was copied. */
    boolean serve(Tensor otherX, Tensor otherY) {
      return x == otherX && y == otherY && inPlace && view(x).isPresent();
    }

    @Override
    public void close() {
      in.close();
      out.close();
    }
  }

  @Override
  public void apply(Tensor x, Tensor y, OptionalLong stream) {
    OnnxRuntime.checkStopped();
    try {
      Operands operands = operands(x, y);
      session.run(Map.of(X, operands.in), Map.of(Y, operands.out)).close();
      if (!operands.inPlace) {
        y.write(0, operands.outputs.clear());
      }
    } catch (OrtException e) {
      throw failed(e);
    }
  }

  private Operands operands(Tensor x, Tensor y) throws OrtException {
    Operands operands = last;
    if (operands == null || !operands.serve(x, y)) {
      forget();
      operands = new Operands(x, y);
      last = operands;
    }
    return operands;
  }

  private void forget() {
    if (last != null) {
      last.close();
      last = null;
    }
  }

  private static IllegalStateException failed(OrtException e) {
    return new IllegalStateException("ONNX Runtime cannot compute a product: " + e.getMessage(), e);
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      forget();
      try {
        session.close();
      } catch (OrtException e) {
        throw failed(e);
      } finally {
        initializers.values().forEach(OnnxTensor::close);
      }
    }
  }
}
