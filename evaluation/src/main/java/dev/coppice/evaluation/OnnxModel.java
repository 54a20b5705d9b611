package dev.coppice.evaluation;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A model in ONNX Runtime's CPU provider, in the process's one environment. */
final class OnnxModel implements AutoCloseable {
  static final OrtEnvironment ENVIRONMENT = environment();

  private final OrtSession session;
  private boolean closed;

  private OnnxModel(OrtSession session) {
    this.session = session;
  }

  private static OrtEnvironment environment() {
    OrtEnvironment environment =
        OrtEnvironment.getEnvironment(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
    try {
      environment.setTelemetry(false);
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime's telemetry cannot be turned off", e);
    }
    return environment;
  }

  static OnnxModel open(Path model, int threads) throws OrtException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      // Threads that wait sleep: others may need the processors.
      options.addConfigEntry("session.intra_op.allow_spinning", "0");
      return new OnnxModel(ENVIRONMENT.createSession(model.toString(), options));
    }
  }

  List<String> inputs() {
    return List.copyOf(session.getInputNames());
  }

  OrtSession.Result run(Map<String, OnnxTensor> inputs) throws OrtException {
    return session.run(inputs);
  }

  @Override
  public void close() throws OrtException {
    if (!closed) {
      closed = true;
      session.close();
    }
  }
}
