package dev.coppice.evaluation;

import dev.coppice.PruningCancelledException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** Whether models can be run in this process. */
public final class OnnxRuntime {
  /** Release 1.29.0 ends with a segmentation fault from 3,981 bytes on, on Linux. */
  private static final int LONGEST_COMMAND = 3_900;

  private static volatile boolean stopped;

  private OnnxRuntime() {}

  /**
   * Lets no model be loaded or run from now on, as the process is ending: whoever tries gets a
   * {@link PruningCancelledException}. What runs meanwhile runs to its end.
   */
  public static void stop() {
    stopped = true;
  }

  static void checkStopped() {
    if (stopped) {
      throw new PruningCancelledException();
    }
  }

  /** Gives the length of this process's command line; 0 where nothing tells. */
  private static int commandLine() {
    try {
      return Files.readAllBytes(Path.of("/proc/self/cmdline")).length;
    } catch (IOException e) {
      return 0;
    }
  }

  /** Gives the reason why models cannot be run, with what to do about it; nothing if they can. */
  public static Optional<String> missing() {
    try {
      Class.forName("ai.onnxruntime.OrtEnvironment", false, OnnxRuntime.class.getClassLoader());
    } catch (ClassNotFoundException e) {
      return Optional.of(
          "ONNX Runtime is not on the class path; ./coppice in a clone of the repository puts it"
              + " there, java -cp takes com.microsoft.onnxruntime:onnxruntime beside Coppice's jar");
    }
    if (commandLine() > LONGEST_COMMAND) {
      return Optional.of(
          "ONNX Runtime would crash in a process whose command line is longer than "
              + LONGEST_COMMAND
              + " bytes; shorten it: the class path can go into the variable CLASSPATH, the names of"
              + " files can be relative");
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
