package dev.coppice.benchmarks;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A command that has ended.
 *
 * @param seconds from its start to its end
 * @param residentMebibytes the most memory of its own that one of its processes held; pages of
 *     files that are read or written are not among it. 0 where the system does not tell
 * @param output what it printed
 */
record MeasuredProcess(double seconds, double residentMebibytes, String output) {
  private static final int POLL_MILLIS = 20;

  /** Runs a command to its end; fails if it fails. */
  static MeasuredProcess run(Path log, Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().putAll(environment);
    builder.redirectErrorStream(true).redirectOutput(log.toFile());
    long begin = System.nanoTime();
    Process process = builder.start();
    long most = 0;
    while (!process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
      most = Math.max(most, resident(process));
    }
    double seconds = (System.nanoTime() - begin) * 1e-9;
    String output = java.nio.file.Files.readString(log, StandardCharsets.UTF_8);
    if (process.exitValue() != 0) {
      throw new IOException(
          "%s ended with %d: %s".formatted(List.of(command), process.exitValue(), output));
    }
    return new MeasuredProcess(seconds, most / 1024.0, output);
  }

  /** Runs a command several times and gives the run of median time, with the largest memory. */
  static MeasuredProcess median(
      int times, Path log, Map<String, String> environment, String... command)
      throws IOException, InterruptedException {
    MeasuredProcess[] runs = new MeasuredProcess[times];
    double most = 0;
    for (int i = 0; i < times; i++) {
      runs[i] = run(log, environment, command);
      most = Math.max(most, runs[i].residentMebibytes);
    }
    Arrays.sort(runs, java.util.Comparator.comparingDouble(MeasuredProcess::seconds));
    MeasuredProcess middle = runs[times / 2];
    return new MeasuredProcess(middle.seconds, most, middle.output);
  }

  /** Gives the number after {@code name=} in what it printed. */
  double printed(String name) {
    return output
        .lines()
        .filter(line -> line.startsWith(name + "="))
        .mapToDouble(line -> Double.parseDouble(line.substring(name.length() + 1)))
        .findFirst()
        .orElseThrow();
  }

  private static long resident(Process process) {
    return Stream.concat(Stream.of(process.toHandle()), process.descendants())
        .mapToLong(handle -> peak(handle.pid()))
        .max()
        .orElse(0);
  }

  /** Gives the peak in KiB, which the kernel keeps for as long as the process lives. */
  private static long peak(long pid) {
    try {
      return Machine.number(Machine.field("/proc/" + pid + "/status", "VmHWM", "0"));
    } catch (IOException e) {
      return 0; // It has just ended.
    }
  }
}
