package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResourcesTest {
  private static final String SENTENCES = "/dev/coppice/evaluation/sentences.tsv";

  @TempDir private Path folder;

  @Test
  void aCopyIsWholeAndLeavesNothingBeside() throws IOException {
    Path copy = Resources.copy(SENTENCES, folder.resolve("new/sentences.tsv"));
    try (InputStream in = Resources.open(SENTENCES)) {
      assertThat(copy).hasBinaryContent(in.readAllBytes());
    }
    assertThat(folder.resolve("new")).isDirectoryContaining(copy::equals);
    try (var files = Files.list(folder.resolve("new"))) {
      assertThat(files).hasSize(1);
    }
  }

  @Test
  void aCopyThatIsThereIsKeptAndAnIncompleteOneReplaced() throws IOException {
    Path copy = Resources.copy(SENTENCES, folder.resolve("sentences.tsv"));
    FileTime old = FileTime.fromMillis(1_000_000);
    Files.setLastModifiedTime(copy, old);
    Resources.copy(SENTENCES, copy);
    assertThat(Files.getLastModifiedTime(copy)).isEqualTo(old);
    Files.writeString(copy, "cut short");
    Resources.copy(SENTENCES, copy);
    assertThat(Files.size(copy)).isGreaterThan(10_000);
  }

  @Test
  void aResourceThatIsNotThereIsNamed() {
    assertThatThrownBy(() -> Resources.copy("/absent.onnx", folder.resolve("x")))
        .isInstanceOf(FileNotFoundException.class)
        .hasMessageContaining("/absent.onnx");
    assertThat(folder).isEmptyDirectory();
  }
}
