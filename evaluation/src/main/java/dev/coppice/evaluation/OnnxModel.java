package dev.coppice.evaluation;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A model in ONNX Runtime's CPU provider, in the process's one environment. */
public final class OnnxModel implements AutoCloseable {
  /** The process's one environment. */
  public static final OrtEnvironment ENVIRONMENT = environment();

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
    try (OrtSession.SessionOptions options = options(threads)) {
      return new OnnxModel(ENVIRONMENT.createSession(model.toString(), options));
    }
  }

  /** Opens a model that is the bytes of a file, to be run on {@code threads} threads. */
  public static OnnxModel open(byte[] model, int threads) throws OrtException {
    try (OrtSession.SessionOptions options = options(threads)) {
      return new OnnxModel(ENVIRONMENT.createSession(model, options));
    }
  }

  private static OrtSession.SessionOptions options(int threads) throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    try {
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      // Threads that wait sleep: others may need the processors.
      options.addConfigEntry("session.intra_op.allow_spinning", "0");
      return options;
    } catch (OrtException e) {
      options.close();
      throw e;
    }
  }

  List<String> inputs() {
    return List.copyOf(session.getInputNames());
  }

  /** Gives what the model takes, by name, in its order. */
  public Map<String, NodeInfo> inputInfo() throws OrtException {
    return session.getInputInfo();
  }

  /** Runs the model; the caller closes the result. */
  public OrtSession.Result run(Map<String, OnnxTensor> inputs) throws OrtException {
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
