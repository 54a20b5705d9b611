package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.cli.CommandProcess.Ended;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The command line as a process: its exit statuses, and what is left when it is ended. */
@EnabledOnOs({OS.LINUX, OS.MAC})
class CommandProcessTest {
  private static final long LARGE = 192L << 20;

  @TempDir Path folder;
  private Path output = Path.of("");

  @BeforeEach
  void nameOutput() {
    output = folder.resolve("out.safetensors");
  }

  /** Writes a model that takes a while, without taking the disk's space: it is all holes. */
  private Path largeModel() throws IOException {
    Path file = folder.resolve("large.safetensors");
    byte[] header =
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[%d,1024],\"data_offsets\":[0,%d]}}"
            .formatted(LARGE / 4096, LARGE)
            .getBytes(StandardCharsets.UTF_8);
    try (RandomAccessFile out = new RandomAccessFile(file.toFile(), "rw")) {
      out.write(
          ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(header.length).array());
      out.write(header);
      out.setLength(8 + header.length + LARGE);
    }
    return file;
  }

  /** Begins to prune the large model over an old output, and waits until it is being written. */
  private Process interruptible() throws IOException, InterruptedException {
    Files.writeString(output, "old");
    Process process =
        CommandProcess.start(
            folder,
            "prune",
            largeModel(),
            "-o",
            output,
            "--sparsity=0.5",
            "--scope=global",
            "--backend=reference",
            "-T1",
            "--force",
            "-q");
    while (process.isAlive() && files().stream().noneMatch(f -> f.startsWith(".out"))) {
      Thread.onSpinWait();
    }
    assertThat(process.isAlive()).isTrue();
    return process;
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void aModelIsPrunedFromStartToEnd() throws IOException, InterruptedException {
    Path model = TinyModel.usual().write(folder.resolve("m.safetensors"));
    Ended done = CommandProcess.run(folder, "prune", model, "-o", output, "--pattern", "2:4");
    assertThat(done.output()).contains("Pruned 64 of 128 weights");
    assertThat(done.status()).isZero();
    assertThat(CommandProcess.run(folder, "compare", model, output, "-q").status())
        .isEqualTo(ExitStatus.DIFFERENT);
  }

  @Test
  void aRefusalIsOneLineAndItsStatus() throws IOException, InterruptedException {
    Ended refused = CommandProcess.run(folder, "prune", "m.bin", "-o", output, "--sparsity", "2");
    assertThat(refused.output())
        .isEqualTo(
            "coppice: --sparsity must be a number in [0, 1], such as 0.5 for half, not \"2\"\n");
    assertThat(refused.status()).isEqualTo(ExitStatus.USAGE);
  }

  @Test
  void aKilledRunLeavesTheOldOutputAndTheNextOneCleansUp()
      throws IOException, InterruptedException {
    Process process = interruptible();
    CommandProcess.signal(process, "KILL");
    CommandProcess.end(process);
    assertThat(output).hasContent("old");
    Path model = TinyModel.usual().write(folder.resolve("m.safetensors"));
    Ended next =
        CommandProcess.run(folder, "prune", model, "-o", output, "--pattern=2:4", "--force");
    assertThat(next.status()).isZero();
    assertThat(files()).containsExactly("large.safetensors", "m.safetensors", "out.safetensors");
  }

  @Test
  void anInterruptedRunLeavesNothingBehindAndTheOldOutput()
      throws IOException, InterruptedException {
    Process process = interruptible();
    assumeTrue(
        CommandProcess.obeysInterrupts(process),
        "SIGINT is ignored here, as for jobs in the background");
    CommandProcess.signal(process, "INT");
    Ended cancelled = CommandProcess.end(process);
    assertThat(cancelled.output()).isEqualTo("coppice: cancelled; nothing was left behind\n");
    assertThat(cancelled.status()).isEqualTo(ExitStatus.CANCELLED);
    assertThat(output).hasContent("old");
    assertThat(files()).containsExactly("large.safetensors", "out.safetensors");
  }

  @Test
  void aTerminatedRunCleansUpToo() throws IOException, InterruptedException {
    Process process = interruptible();
    CommandProcess.signal(process, "TERM");
    assertThat(CommandProcess.end(process).status()).isEqualTo(143);
    assertThat(output).hasContent("old");
    assertThat(files()).containsExactly("large.safetensors", "out.safetensors");
  }

  @Test
  void aFileThatMayNotGrowIsAnInputOutputErrorAndLeavesTheOldOutput()
      throws IOException, InterruptedException {
    Files.writeString(output, "old");
    Path model = new TinyModel().f32("w", i -> i, 512, 1024).write(folder.resolve("m.safetensors"));
    List<String> command =
        CommandProcess.command("prune", model, "-o", output, "--sparsity=0.5", "--force", "-q");
    String quoted =
        command.stream().map(w -> "'" + w + "'").reduce((a, b) -> a + " " + b).orElseThrow();
    Process process =
        new ProcessBuilder("sh", "-c", "ulimit -f 512 && exec " + quoted)
            .redirectErrorStream(true)
            .start();
    Ended failed = CommandProcess.end(process);
    assertThat(failed.output()).startsWith("coppice: ").hasLineCount(1);
    assertThat(failed.status()).isEqualTo(ExitStatus.IO);
    assertThat(output).hasContent("old");
    assertThat(files()).containsExactly("m.safetensors", "out.safetensors");
  }

  @Test
  void theCompletionScriptIsOneThatBashTakes() throws IOException, InterruptedException {
    Ended script = CommandProcess.run(folder, "completion");
    assertThat(script.status()).isZero();
    Path file = Files.writeString(folder.resolve("completion"), script.output());
    Process bash =
        new ProcessBuilder("bash", "-c", "source '" + file + "' && complete -p coppice")
            .redirectErrorStream(true)
            .start();
    assertThat(CommandProcess.end(bash).output()).contains("_complete_coppice coppice");
  }
}
