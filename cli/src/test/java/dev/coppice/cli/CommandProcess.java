package dev.coppice.cli;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** A command in a process of its own, as users run it. */
final class CommandProcess {
  private static final int PATIENCE_SECONDS = 60;

  private CommandProcess() {}

  /** What a process printed on both streams, and how it ended. */
  record Ended(int status, String output) {}

  static Process start(Path folder, Object... arguments) throws IOException {
    return new ProcessBuilder(command(arguments))
        .directory(folder.toFile())
        .redirectErrorStream(true)
        .start();
  }

  /** Runs a command where the jars whose names contain a word are not there. */
  static Ended runWithout(String jar, Path folder, Object... arguments)
      throws IOException, InterruptedException {
    String left =
        Arrays.stream(classPath().split(File.pathSeparator, -1))
            .filter(path -> !Path.of(path).getFileName().toString().contains(jar))
            .collect(Collectors.joining(File.pathSeparator));
    return end(
        new ProcessBuilder(commandOf(left, arguments))
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .start());
  }

  static List<String> command(Object... arguments) {
    return commandOf(classPath(), arguments);
  }

  private static String classPath() {
    return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
  }

  /** Names the class path in a file: ONNX Runtime dies of long commands. */
  private static List<String> commandOf(String classPath, Object... arguments) {
    Path options;
    try {
      options = Files.createTempFile("class-path", ".txt");
      options.toFile().deleteOnExit();
      Files.writeString(options, "-cp \"" + classPath.replace("\\", "\\\\") + "\"");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-Xshare:auto",
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC",
                "-XX:-UsePerfData",
                "@" + options,
                "dev.coppice.cli.Main"));
    Arrays.stream(arguments).map(Object::toString).forEach(command::add);
    return command;
  }

  static Ended end(Process process) throws IOException, InterruptedException {
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new AssertionError("still running: " + output);
    }
    return new Ended(process.exitValue(), output);
  }

  static Ended run(Path folder, Object... arguments) throws IOException, InterruptedException {
    return end(start(folder, arguments));
  }

  static void signal(Process process, String name) throws IOException, InterruptedException {
    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
  }

  /** Whether it hears SIGINT, which jobs in the background often do not. */
  static boolean obeysInterrupts(Process process) throws IOException {
    Path status = Path.of("/proc", Long.toString(process.pid()), "status");
    if (!Files.exists(status)) {
      return true;
    }
    String ignored =
        Files.readAllLines(status).stream()
            .filter(l -> l.startsWith("SigIgn:"))
            .findFirst()
            .orElse("SigIgn: 0");
    return (Long.parseUnsignedLong(ignored.substring(7).strip(), 16) & 2) == 0;
  }
}
