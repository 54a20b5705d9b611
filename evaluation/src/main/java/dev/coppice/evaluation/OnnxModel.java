package dev.coppice.evaluation;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.coppice.simd.OrtLibrary;
import java.nio.file.Path;
import java.util.HashMap;
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
    try (OrtSession.SessionOptions options = patient(threads)) {
      return new OnnxModel(ENVIRONMENT.createSession(model.toString(), options));
    }
  }

  /** Opens a model that is the bytes of a file, to be run on {@code threads} threads. */
  public static OnnxModel open(byte[] model, int threads) throws OrtException {
    try (OrtSession.SessionOptions options = patient(threads)) {
      registerOperators(model, options);
      return new OnnxModel(ENVIRONMENT.createSession(model, options));
    }
  }

  /** Opens a model as users do who set nothing but the number of threads. */
  static OnnxModel openToTime(byte[] model, int threads) throws OrtException {
    return new OnnxModel(sessionToTime(model, threads, Map.of()));
  }

  /** Opens one whose external initializers are those; they stay open as long as the session. */
  static OrtSession sessionToTime(byte[] model, int threads, Map<String, OnnxTensor> initializers)
      throws OrtException {
    try (OrtSession.SessionOptions options = options(threads)) {
      // As by default, threads spin while a run lasts; between runs it is another model's turn.
      options.addConfigEntry("session.force_spinning_stop", "1");
      registerOperators(model, options);
      if (!initializers.isEmpty()) {
        options.addExternalInitializers(new HashMap<>(initializers));
      }
      return ENVIRONMENT.createSession(model, options);
    }
  }

  /** Registers Coppice's operators for a model that has some. */
  private static void registerOperators(byte[] model, OrtSession.SessionOptions options)
      throws OrtException {
    if (ModelGraph.imports(model, OrtLibrary.DOMAIN)) {
      options.registerCustomOpLibrary(OrtLibrary.path().toString());
    }
  }

  private static OrtSession.SessionOptions patient(int threads) throws OrtException {
    OrtSession.SessionOptions options = options(threads);
    // Threads that wait sleep: others may need the processors.
    options.addConfigEntry("session.intra_op.allow_spinning", "0");
    return options;
  }

  private static OrtSession.SessionOptions options(int threads) throws OrtException {
    OnnxRuntime.checkStopped();
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(threads);
    options.setInterOpNumThreads(1);
    // What goes wrong comes back as an exception; nothing is to be printed besides.
    options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
    return options;
  }

  List<String> inputs() {
    return List.copyOf(session.getInputNames());
  }

  /** Gives what the model takes, by name, in its order. */
  public Map<String, NodeInfo> inputInfo() throws OrtException {
    return session.getInputInfo();
  }

  /** Whether a value is of unsigned numbers that ONNX Runtime's Java takes for signed ones. */
  public static boolean isMistakenForSigned(TensorInfo value) {
    return switch (value.onnxType) {
      case ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16,
          ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32,
          ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64 ->
          true;
      default -> false;
    };
  }

  Map<String, NodeInfo> outputInfo() throws OrtException {
    return session.getOutputInfo();
  }

  /** Runs the model; the caller closes the result. */
  public OrtSession.Result run(Map<String, OnnxTensor> inputs) throws OrtException {
    OnnxRuntime.checkStopped();
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
