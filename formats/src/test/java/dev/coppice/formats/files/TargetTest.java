package dev.coppice.formats.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class TargetTest {
  @TempDir Path folder;
  private Path input;

  @BeforeEach
  void makeInput() throws IOException {
    input = Files.writeString(folder.resolve("input"), "input");
  }

  @ParameterizedTest
  @EnumSource(OutputScenario.class)
  void anExistingOutputIsReplacedOnlyOnRequest(OutputScenario scenario) throws IOException {
    scenario.write(Disk.REAL, folder, "old!", false);
    assertThatThrownBy(() -> scenario.write(Disk.REAL, folder, "new!", false))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("exists already");
    assertThat(scenario.words(folder)).isEqualTo("old!");
    scenario.write(Disk.REAL, folder, "new!", true);
    assertThat(scenario.words(folder)).isEqualTo("new!");
    assertThat(scenario.strays(folder)).containsExactly(input);
  }

  @ParameterizedTest
  @ValueSource(strings = {"input", "./x/../input", "soft", "hard"})
  void theInputIsNeverTheOutput(String name) throws IOException {
    Files.createDirectory(folder.resolve("x"));
    Files.createSymbolicLink(folder.resolve("soft"), input);
    Files.createLink(folder.resolve("hard"), input);
    assertThatThrownBy(() -> FileTarget.begin(folder.resolve(name), true, List.of(input)))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("is an input");
    assertThat(input).hasContent("input");
  }

  @Test
  void anOutputThatAppearsMeanwhileIsNotReplaced() throws IOException {
    Path out = folder.resolve("out");
    try (FileTarget target = FileTarget.begin(out, false, List.of(input))) {
      target.main().write(0, ByteBuffer.wrap(new byte[1]));
      Files.writeString(out, "somebody else's");
      assertThatThrownBy(() -> target.commit(List.of()))
          .isInstanceOf(FileAlreadyExistsException.class);
    }
    assertThat(out).hasContent("somebody else's");
    assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void aFolderThatHoldsAnInputIsNeverTheOutput() throws IOException {
    assertThatThrownBy(() -> FolderTarget.begin(folder, true, List.of(input)))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("holds an input");
    assertThat(input).hasContent("input");
  }

  @Test
  void aFolderWithoutAModelIsNotReplaced() throws IOException {
    Path home = Files.createDirectory(folder.resolve("home"));
    Files.writeString(home.resolve("letters.txt"), "dear");
    assertThatThrownBy(() -> FolderTarget.begin(home, true, List.of(input)))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("not a model's folder");
    assertThatThrownBy(() -> FileTarget.begin(home, true, List.of(input)))
        .isInstanceOf(FileAlreadyExistsException.class);
    Files.writeString(home.resolve("old.onnx"), "a model, and a home all the same");
    Files.createDirectory(home.resolve(".ssh"));
    assertThatThrownBy(() -> FolderTarget.begin(home, true, List.of(input)))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining("not a model's folder");
  }

  @Test
  void aDeviceIsNotReplacedNorALinkToOne() throws IOException {
    Path link = Files.createSymbolicLink(folder.resolve("stdout"), Path.of("/dev/null"));
    for (Path device : List.of(Path.of("/dev/null"), link)) {
      assertThatThrownBy(() -> FileTarget.begin(device, true, List.of(input)))
          .isInstanceOf(FileAlreadyExistsException.class)
          .hasMessageContaining("not a regular file");
    }
    assertThat(link).isSymbolicLink();
  }

  @Test
  void aMissingFolderIsNamed() {
    assertThatThrownBy(() -> FileTarget.begin(folder.resolve("no/out"), false, List.of()))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("no");
  }

  @Test
  void dataFilesOfTheUserAreNotDeletedAsSuperseded() throws IOException {
    Path shard = Files.writeString(folder.resolve("model-00001-of-00002.safetensors"), "x");
    Path outside = Files.writeString(folder.resolve("a-0123456789abcdef.bin"), "x");
    Path below = Files.createDirectory(folder.resolve("below"));
    try (FileTarget target = FileTarget.begin(below.resolve("out"), true, List.of(input))) {
      target.commit(List.of("../" + shard.getFileName(), "../" + outside.getFileName()));
    }
    try (FileTarget target = FileTarget.begin(folder.resolve("out"), true, List.of(input))) {
      target.commit(List.of(shard.getFileName().toString()));
    }
    assertThat(shard).exists();
    assertThat(outside).exists();
  }

  @Test
  void aDataFileThatIsWrittenAgainHasOneMarkOnly() throws IOException {
    try (FileTarget target = FileTarget.begin(folder.resolve("out"), false, List.of(input))) {
      String once = target.data("model-0123456789abcdef.safetensors").name();
      assertThat(once).matches("model-[0-9a-f]{16}\\.safetensors").doesNotContain("0123456789");
    }
  }

  @Test
  void withoutHardLinksAPlainRenamePublishes() throws IOException {
    Disk disk =
        new Disk() {
          @Override
          void link(Path file, Path name) {
            throw new UnsupportedOperationException();
          }
        };
    OutputScenario.FILE.write(disk, folder, "new!", false);
    assertThat(folder.resolve("out")).hasContent("new!");
  }
}
