package dev.coppice.formats.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kills a process with SIGKILL at chosen points; the next run tidies up. */
class KilledRunTest {
  @TempDir Path folder;

  @ParameterizedTest(name = "{0} killed before {1} number {2}")
  @CsvSource({
    "FILE, write, 1, old!, old!",
    "FILE, replace, 0, old!, old!",
    "FILE, forceFolder, 0, new!, new!",
    "GROUP, write, 3, old!, old!",
    "GROUP, replace, 0, old!, old!",
    "GROUP, forceFolder, 1, new!, new!",
    "FOLDER, write, 2, old!, old!",
    "FOLDER, replace, 0, old!, old!",
    "FOLDER, replace, 1, '', old!",
    "FOLDER, forceFolder, 2, new!, new!",
    "FOLDER, delete, 1, new!, new!",
  })
  void theNextRunRecognisesWhatIsLeftAndRemovesIt(
      OutputScenario scenario, String call, int pass, String inPlace, String recovered)
      throws IOException, InterruptedException {
    scenario.write(Disk.REAL, folder, "old!", false);
    Process process = OutputProcess.startAndWait(scenario, folder, call, pass);
    OutputProcess.kill(process);
    assertThat(scenario.words(folder)).isEqualTo(inPlace);
    assertThat(scenario.strays(folder)).isNotEmpty();

    Run.begin(Disk.REAL, folder.resolve("out")).close();
    assertThat(scenario.words(folder)).isEqualTo(recovered);
    if (scenario == OutputScenario.GROUP && recovered.equals("new!")) {
      assertThat(scenario.strays(folder)).hasSize(2); // What the replaced pointer named.
    } else {
      assertThat(scenario.strays(folder)).isEmpty();
    }

    scenario.write(Disk.REAL, folder, "third", true);
    assertThat(scenario.words(folder)).isEqualTo("third");
  }

  @Test
  void whatAnotherLivingProcessWritesIsLeftAlone() throws IOException, InterruptedException {
    OutputScenario.GROUP.write(Disk.REAL, folder, "old!", false);
    Process process = OutputProcess.startAndWait(OutputScenario.GROUP, folder, "replace", 0);
    Set<Path> before = files();
    Run.begin(Disk.REAL, folder.resolve("out")).close();
    assertThat(files()).isEqualTo(before);

    process.outputWriter().append('\n').flush();
    assertThat(process.waitFor()).isZero();
    assertThat(OutputScenario.GROUP.words(folder)).isEqualTo("new!");
    assertThat(OutputScenario.GROUP.strays(folder)).isEmpty();
  }

  @Test
  void whatAnotherLivingRunOfThisProcessWritesIsLeftAlone() throws IOException {
    Run first = Run.begin(Disk.REAL, folder.resolve("out"));
    Files.writeString(first.temporary(), "unfinished");
    Run second = Run.begin(Disk.REAL, folder.resolve("out"));
    assertThat(first.temporary()).exists();
    second.close();
    assertThat(first.temporary()).exists();
    first.close();
    assertThat(files()).isEmpty();
  }

  @Test
  void filesOfOtherTargetsAreLeftAlone() throws IOException {
    Files.writeString(folder.resolve(".other.coppice-0123456789abcdef.tmp"), "another target's");
    Files.writeString(folder.resolve(".out.coppice-mine.tmp"), "not a run's");
    Files.writeString(folder.resolve("out-0123456789abcdef.bin"), "somebody's data");
    Set<Path> before = files();
    Run.begin(Disk.REAL, folder.resolve("out")).close();
    assertThat(files()).isEqualTo(before);
  }

  private Set<Path> files() throws IOException {
    try (Stream<Path> list = Files.list(folder)) {
      return list.collect(Collectors.toSet());
    }
  }
}
