package dev.coppice.formats.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Makes every single call on the disk fail, one run each, and looks at what is left. */
class WriteFaultTest {
  @TempDir Path scratch;

  private static final class FailingDisk extends CountingDisk {
    private final int first;
    private final int last;
    private String failed = "";

    FailingDisk(int first, int last) {
      this.first = first;
      this.last = last;
    }

    @Override
    void before(int call, String name) throws IOException {
      if (call >= first && call <= last) {
        failed = failed.isEmpty() ? name : failed;
        throw new IOException("No space left on device");
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"FILE,8", "GROUP,14", "FOLDER,11"})
  void oneFailedCallLeavesTheOldOutputOrTheWholeNewOneAndNothingElse(
      OutputScenario scenario, int leastCalls) throws IOException {
    for (boolean overwrite : new boolean[] {false, true}) {
      List<String> failed = new ArrayList<>();
      for (int n = 1; ; n++) {
        FailingDisk disk = new FailingDisk(n, n);
        Path folder = prepare(scenario, overwrite, "once" + n);
        String thrown = run(scenario, disk, folder, overwrite);
        if (disk.failed.isEmpty()) {
          assertThat(thrown).isEmpty();
          break;
        }
        failed.add(disk.failed);
        String call = n + ": " + disk.failed;
        boolean published = thrown.isEmpty() || thrown.contains("whole and in place");
        assertThat(scenario.words(folder))
            .as(call)
            .isEqualTo(published ? "new!" : overwrite ? "old!" : "");
        if (!disk.failed.equals("delete") && !thrown.contains("whole and in place")) {
          assertThat(scenario.strays(folder)).as(call).isEmpty();
        }
        recover(scenario, folder, overwrite);
        assertThat(scenario.strays(folder)).as(call + ", next run").isEmpty();
      }
      assertThat(failed)
          .hasSizeGreaterThanOrEqualTo(leastCalls)
          .contains("create", "write", "force", "forceFolder", "delete");
    }
  }

  @ParameterizedTest
  @CsvSource({"FILE", "GROUP", "FOLDER"})
  void aDiskThatIsLostMidwayLeavesWhatTheNextRunRestores(OutputScenario scenario)
      throws IOException {
    for (boolean overwrite : new boolean[] {false, true}) {
      for (int n = 1; ; n++) {
        FailingDisk disk = new FailingDisk(n, Integer.MAX_VALUE);
        Path folder = prepare(scenario, overwrite, "lost" + n);
        String thrown = run(scenario, disk, folder, overwrite);
        if (disk.failed.isEmpty()) {
          break;
        }
        boolean published = thrown.isEmpty() || thrown.contains("whole and in place");
        recover(scenario, folder, overwrite);
        String call = n + ": " + disk.failed;
        assertThat(scenario.words(folder))
            .as(call)
            .isEqualTo(published ? "new!" : overwrite ? "old!" : "");
        assertThat(scenario.strays(folder)).as(call).isEmpty();
      }
    }
  }

  @Test
  void aWriteThatTheKernelLostWhileMoreWasWrittenIsNotForgotten() throws IOException {
    AtomicInteger forces = new AtomicInteger();
    Disk disk =
        new Disk() {
          @Override
          long forceEvery() {
            return 1;
          }

          @Override
          void force(FileChannel file) throws IOException {
            if (forces.incrementAndGet() == 1) {
              throw new IOException("Input/output error"); // Told once, as the kernel does.
            }
            super.force(file);
          }
        };
    assertThatThrownBy(() -> OutputScenario.FILE.write(disk, scratch, "new!", false))
        .isInstanceOf(IOException.class)
        .hasMessage("Input/output error");
    assertThat(scratch).isEmptyDirectory();
  }

  private Path prepare(OutputScenario scenario, boolean overwrite, String name) throws IOException {
    Path folder = scratch.resolve(name + overwrite);
    Files.createDirectory(folder);
    if (overwrite) {
      scenario.write(Disk.REAL, folder, "old!", false);
    }
    return folder;
  }

  private static String run(OutputScenario scenario, Disk disk, Path folder, boolean overwrite) {
    try {
      scenario.write(disk, folder, "new!", overwrite);
      return "";
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  /** Begins the next run at the same target, and gives it up. */
  private static void recover(OutputScenario scenario, Path folder, boolean overwrite)
      throws IOException {
    Run.begin(Disk.REAL, folder.resolve("out")).close();
    if (!overwrite || scenario != OutputScenario.GROUP) {
      return;
    }
    // Data files of a replaced pointer stay where the new one may not have reached the disk.
    for (Path stray : scenario.strays(folder)) {
      assertThat(Files.readString(stray)).isEqualTo("old!");
      Files.delete(stray);
    }
  }
}
