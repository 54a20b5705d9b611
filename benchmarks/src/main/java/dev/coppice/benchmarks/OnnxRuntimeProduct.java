package dev.coppice.benchmarks;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/** The product of ONNX Runtime: a model of one Gemm. */
final class OnnxRuntimeProduct implements DenseProduct {
  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
  private final OrtSession session;
  private final int out;
  private final int in;

  OnnxRuntimeProduct(ByteBuffer weights, int out, int in, int threads) {
    this.out = out;
    this.in = in;
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(threads);
      // Its threads would spin on while the next one is measured.
      options.addConfigEntry("session.force_spinning_stop", "1");
      session = environment.createSession(GemmModel.of(weights, out, in), options);
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public Runnable on(ByteBuffer x, ByteBuffer y, int batch) {
    try {
      Map<String, OnnxTensor> inputs = Map.of("x", tensor(x, batch, in));
      Map<String, OnnxTensor> outputs = Map.of("y", tensor(y, batch, out));
      return () -> run(inputs, outputs);
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  private void run(Map<String, OnnxTensor> inputs, Map<String, OnnxTensor> outputs) {
    try {
      session.run(inputs, outputs).close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }

  private OnnxTensor tensor(ByteBuffer data, long rows, long columns) throws OrtException {
    return OnnxTensor.createTensor(
        environment,
        data.duplicate().order(ByteOrder.nativeOrder()).asFloatBuffer(),
        new long[] {rows, columns});
  }

  @Override
  public void close() {
    try {
      session.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }
}
