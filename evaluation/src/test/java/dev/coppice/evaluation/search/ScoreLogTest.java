package dev.coppice.evaluation.search;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class ScoreLogTest {
  /** Has one layer, and the score 0.5 always. */
  private static final Subject HALF =
      new Subject() {
        @Override
        public List<Layer> layers() {
          return List.of(new Layer("layer", 64, 8, 8));
        }

        @Override
        public double left(List<Integer> kept) {
          return 1;
        }

        @Override
        public double score(List<Integer> kept) {
          return 0.5;
        }
      };

  @TempDir Path folder;

  @Test
  void aLinkIsNeitherFollowedNorCutOff() throws IOException {
    Path other = Files.writeString(folder.resolve("other"), "precious\nwithout an end");
    Path link = Files.createSymbolicLink(folder.resolve("scores"), other);
    assertThatThrownBy(() -> ScoreLog.open(link)).isInstanceOf(IOException.class);
    assertThat(other).content().isEqualTo("precious\nwithout an end");
    Path dangling = Files.createSymbolicLink(folder.resolve("dangling"), folder.resolve("nowhere"));
    assertThatThrownBy(() -> ScoreLog.open(dangling)).isInstanceOf(IOException.class);
    assertThat(folder.resolve("nowhere")).doesNotExist();
  }

  @Test
  @Timeout(30)
  void whatIsNoFileIsRefusedAtOnce() throws Exception {
    Path pipe = folder.resolve("scores");
    assumeTrue(
        Files.isExecutable(Path.of("/usr/bin/mkfifo"))
            && new ProcessBuilder("/usr/bin/mkfifo", pipe.toString()).start().waitFor() == 0,
        "there is no mkfifo to make a pipe with");
    assertThatThrownBy(() -> ScoreLog.open(pipe)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> ScoreLog.open(folder)).isInstanceOf(IOException.class);
  }

  @Test
  void aScoreThatIsNotFiniteCountsAsNotMeasured() throws IOException {
    Path file = Files.writeString(folder.resolve("scores"), "=64 1E999\n=8 -1E999\n=16 0.25\n");
    ScoreLog log = ScoreLog.open(file);
    assertThat(log.size()).isEqualTo(1);
    assertThat(log.get(HALF, List.of(64))).isEqualTo(0.5);
    assertThat(log.get(HALF, List.of(16))).isEqualTo(0.25);
  }

  @Test
  void aFileThatCannotBeWrittenAnyMoreIsGoneWithout() throws IOException {
    Path file = folder.resolve("new").resolve("scores");
    ScoreLog log = ScoreLog.open(file);
    Files.delete(file.getParent());
    assertThat(log.get(HALF, List.of(64))).isEqualTo(0.5);
    assertThat(log.get(HALF, List.of(64))).isEqualTo(0.5);
    assertThat(file).doesNotExist();
  }
}
