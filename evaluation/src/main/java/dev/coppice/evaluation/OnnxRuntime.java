package dev.coppice.evaluation;

import java.util.Optional;

/** Whether models can be run in this process. */
public final class OnnxRuntime {
  private OnnxRuntime() {}

  /** Gives the reason why models cannot be run, with what to do about it; nothing if they can. */
  public static Optional<String> missing() {
    try {
      Class.forName("ai.onnxruntime.OrtEnvironment", false, OnnxRuntime.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      return Optional.of(
          "ONNX Runtime is not on the class path; ./coppice in a clone of the repository puts it"
              + " there, java -cp takes com.microsoft.onnxruntime:onnxruntime beside Coppice's jar");
    }
    try {
      OnnxModel.ENVIRONMENT.getVersion();
      return Optional.empty();
    } catch (LinkageError | IllegalStateException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      return Optional.of("ONNX Runtime cannot be loaded here: " + cause.getMessage());
    }
  }
}
