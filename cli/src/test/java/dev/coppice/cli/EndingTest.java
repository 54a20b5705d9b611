package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.cli.CommandProcess.Ended;
import dev.coppice.evaluation.OnnxRuntime;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Processes that are interrupted while ONNX Runtime loads or runs models. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class EndingTest {
  @TempDir Path folder;

  @Test
  void whereverItIsInterruptedACommandEndsInOrder() throws IOException, InterruptedException {
    assumeTrue(OnnxRuntime.missing().isEmpty(), "ONNX Runtime is not here");
    Path model =
        new LinearModel(512, -1)
            .matMul(512, 768, 0)
            .matMul(768, 512, 0)
            .write(folder.resolve("m.onnx"));
    for (int i = 0; i < 4; i++) {
      int milliseconds = 500 + 500 * i;
      interrupt(
          "TERM", 143, milliseconds, "bench", "layer", "--shape=1024x1024", "--batch=1,8,64,512");
      interrupt("TERM", 143, milliseconds, "advise", model, "-T1");
    }
  }

  @Test
  void aCommandThatIsInterruptedSaysSoInOneLine() throws IOException, InterruptedException {
    Process process = start("bench", "layer", "--shape=1024x1024", "--batch=1,8,64,512");
    process.waitFor(1500, TimeUnit.MILLISECONDS);
    assumeTrue(CommandProcess.obeysInterrupts(process), "SIGINT is ignored here");
    CommandProcess.signal(process, "INT");
    Ended ended = CommandProcess.end(process);
    assertThat(ended.output()).endsWith("coppice: cancelled; nothing was left behind\n");
    assertThat(ended.status()).isEqualTo(ExitStatus.CANCELLED);
  }

  private Process start(Object... arguments) throws IOException {
    List<String> command = CommandProcess.command(arguments);
    command.add(1, "-Djava.io.tmpdir=" + Files.createDirectories(folder.resolve("temporary")));
    return new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
  }

  private void interrupt(String signal, int status, int milliseconds, Object... arguments)
      throws IOException, InterruptedException {
    Process process = start(arguments);
    process.waitFor(milliseconds, TimeUnit.MILLISECONDS);
    CommandProcess.signal(process, signal);
    Ended ended = CommandProcess.end(process);
    assertThat(ended.status()).as(ended.output()).isIn(status, 0); // It may be done by then.
    assertThat(ended.output()).doesNotContain("internal error", "Assertion", "\tat ");
    try (Stream<Path> files = Files.walk(folder)) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .noneMatch(name -> name.startsWith("coppice-") || name.startsWith("hs_err"));
    }
  }
}
