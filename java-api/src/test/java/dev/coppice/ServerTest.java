package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.spi.Execution;
import dev.coppice.spi.Window;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Eight calls at once in a JVM with a heap of 256 MiB. */
class ServerTest {
  private static final int CALLS = 8;

  /** A slice with its runs far apart is 16 times as large as others. */
  private static final long WORKER_BYTES = 16L * Execution.SLICE_BYTES;

  private static final long HISTOGRAM_BYTES = 4L * Window.MOST_BINS;

  @Test
  void eightCallsAtOnceGiveWhatEachGivesAloneInBoundedThreadsAndMemory() throws Exception {
    Map<String, String> said = run();

    for (int i = 0; i < CALLS; i++) {
      String call = Objects.requireNonNull(said.get("call" + i));
      assertThat(call).as("call %d", i).startsWith("pruned right ");
      String[] words = call.split(" ", -1);
      assertThat(Long.parseLong(words[2])).as("progress of call %d", i).isPositive();
      assertThat(words[2]).as("progress of call %d", i).isEqualTo(words[4]);
    }
    long threads = number(said, "threads");
    assertThat(number(said, "workers")).isBetween(1L, threads);
    assertThat(number(said, "memory"))
        .as("direct memory beside the tensors")
        .isLessThanOrEqualTo(threads * (WORKER_BYTES + CALLS * HISTOGRAM_BYTES));
  }

  @Test
  void cancelledCallsEndAndTheOthersAreNotTouched() throws Exception {
    Map<String, String> said = run("cancel");

    for (int i = 0; i < CALLS; i++) {
      assertThat(said.get("call" + i))
          .as("call %d", i)
          .startsWith(i % 2 == 1 ? "cancelled wrong 0 of 0" : "pruned right ");
    }
  }

  private static long number(Map<String, String> said, String name) {
    return Long.parseLong(Objects.requireNonNull(said.get(name)));
  }

  private static Map<String, String> run(String... arguments)
      throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-Xmx256m",
            "-cp",
            System.getProperty("java.class.path"),
            ServerProcess.class.getName());
    builder.command().addAll(List.of(arguments));
    Process process = builder.redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output
        .lines()
        .filter(line -> line.contains("="))
        .map(line -> line.split("=", 2))
        .collect(Collectors.toMap(pair -> pair[0], pair -> pair[1]));
  }
}
