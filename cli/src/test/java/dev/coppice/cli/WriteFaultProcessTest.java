package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.cli.CommandProcess.Ended;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Disks that are full, read-only or broken, as the command line meets them: system calls that
 * strace makes fail, and small file systems that a user namespace may mount.
 */
@EnabledOnOs(OS.LINUX)
class WriteFaultProcessTest {
  /** Mounts a file system at $1 with options $2, remounts it with $3, and runs the rest there. */
  private static final String ON_A_DISK_OF_ITS_OWN =
      """
      disk=$1; options=$2; again=$3; shift 3
      mount -t tmpfs -o "$options" tmpfs "$disk" || exit 100
      printf old > "$disk/out.safetensors"
      mount -o "remount,$again" "$disk" || exit 100
      "$@"
      status=$?
      ls -A "$disk"; cat "$disk/out.safetensors"
      exit $status
      """;

  @TempDir Path folder;
  private Path model = Path.of("");
  private Path output = Path.of("");

  @BeforeEach
  void writeModel() throws IOException {
    model = new TinyModel().f32("w", i -> i, 512, 1024).write(folder.resolve("m.safetensors"));
    output = Files.createDirectory(folder.resolve("disk")).resolve("out.safetensors");
  }

  private List<String> prune() {
    return CommandProcess.command(
        "prune", model, "-o", output, "--sparsity=.5", "-T1", "-q", "--force");
  }

  private static Ended run(List<String> prefix, List<String> command)
      throws IOException, InterruptedException {
    List<String> all = new ArrayList<>(prefix);
    all.addAll(command);
    return CommandProcess.end(new ProcessBuilder(all).redirectErrorStream(true).start());
  }

  private static boolean works(String... command) throws InterruptedException {
    try {
      return run(List.of(command), List.of()).status() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  private static List<String> strace(String calls, String fault) {
    String names = "?" + calls.replace("/", ",?");
    return List.of(
        "strace",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=" + names,
        "-e",
        "inject=" + names + ":" + fault);
  }

  private static void assumeStrace() throws InterruptedException {
    List<String> strace = new ArrayList<>(strace("fsync", "error=EIO:when=1"));
    strace.add("true");
    assumeTrue(works(strace.toArray(String[]::new)), "strace cannot make system calls fail here");
  }

  private List<String> left() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("disk"))) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }

  @ParameterizedTest(name = "{0} fails with {1} at call {2}")
  @CsvSource({
    "pwrite64, EIO, 1, Input/output error",
    "pwrite64, ENOSPC, 2, No space left on device",
    "pwrite64, EDQUOT, 1+, Disk quota exceeded",
    "fsync, EIO, 1, Input/output error",
    "rename/renameat/renameat2, EIO, 1, Input/output error",
    "rename/renameat/renameat2, EROFS, 1+, Read-only file system",
  })
  void aCallThatFailsLeavesTheOldOutput(String calls, String error, String when, String said)
      throws IOException, InterruptedException {
    assumeStrace();
    Files.writeString(output, "old");
    Ended failed = run(strace(calls, "error=" + error + ":when=" + when), prune());
    assertThat(failed.output()).startsWith("coppice: ").contains(said).hasLineCount(1);
    assertThat(failed.status()).isEqualTo(ExitStatus.IO);
    assertThat(output).hasContent("old");
    assertThat(left()).containsExactly("out.safetensors");
  }

  @Test
  void aFolderThatCannotBeForcedIsSaidAndTheNewOutputIsWhole()
      throws IOException, InterruptedException {
    assumeStrace();
    Files.writeString(output, "old");
    Ended failed = run(strace("fsync", "error=EIO:when=2"), prune());
    assertThat(failed.output()).contains("the new output is whole and in place").hasLineCount(1);
    assertThat(failed.status()).isEqualTo(ExitStatus.IO);
    assertThat(output).hasSize(Files.size(model));
    assertThat(left()).containsExactly("out.safetensors");
  }

  @ParameterizedTest(name = "a disk mounted with {0}, then {1}")
  @CsvSource({
    "'size=1m', 'size=1m', No space left on device",
    "'size=8m', 'nr_inodes=2', No space left on device",
    "'size=8m', 'ro', Read-only file system",
  })
  void aDiskThatTakesNoMoreLeavesTheOldOutput(String first, String then, String said)
      throws IOException, InterruptedException {
    assumeTrue(
        works("unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"),
        "no file system can be mounted in a user namespace here");
    List<String> onDisk =
        List.of(
            "unshare",
            "-Urm",
            "sh",
            "-c",
            ON_A_DISK_OF_ITS_OWN,
            "sh",
            folder.resolve("disk").toString(),
            first,
            then);
    Ended failed = run(onDisk, prune());
    List<String> lines = failed.output().lines().toList();
    assertThat(lines.get(0)).startsWith("coppice: ").endsWith(said);
    assertThat(lines.subList(1, lines.size())).containsExactly("out.safetensors", "old");
    assertThat(failed.status()).isEqualTo(ExitStatus.IO);
  }
}
