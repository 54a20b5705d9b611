package dev.coppice.formats.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class InputFileTest {
  @TempDir Path scratch;
  private Path model;
  private Path owner;

  @BeforeEach
  void makeModel() throws IOException {
    model = Files.createDirectories(scratch.resolve("model"));
    owner = Files.writeString(model.resolve("index.json"), "{}");
    Files.writeString(scratch.resolve("secret.bin"), "secret");
  }

  @Test
  void readsByPosition() throws IOException {
    try (InputFile file = InputFile.open(Files.writeString(model.resolve("a"), "abcdef"))) {
      ByteBuffer three = ByteBuffer.allocate(3);
      file.read(2, three);
      assertThat(three.array()).asString().isEqualTo("cde");
      assertThat(file.size()).isEqualTo(6);
      file.verify();
    }
  }

  @Test
  void aFileThatShrinksIsRefusedAtTheReadThatComesShort() throws IOException {
    Path path = Files.writeString(model.resolve("a"), "abcdef");
    try (InputFile file = InputFile.open(path)) {
      Files.writeString(path, "abc");
      assertRefused(Code.FILE_CHANGED, () -> file.read(2, ByteBuffer.allocate(3)), "offset 3");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"grown", "touched", "replaced", "linked"})
  void aFileThatWasChangedIsRefusedAtTheEnd(String how) throws IOException {
    Path path = Files.writeString(model.resolve("a"), "abcdef");
    Path same = Files.writeString(model.resolve("b"), "abcdef");
    FileTime date = Files.getLastModifiedTime(path);
    Files.setLastModifiedTime(same, date);
    try (InputFile file = InputFile.open(path)) {
      switch (how) {
        case "grown" -> {
          Files.writeString(path, "abcdefg");
          Files.setLastModifiedTime(path, date);
        }
        case "touched" -> Files.setLastModifiedTime(path, FileTime.fromMillis(1));
        case "replaced" -> Disk.REAL.replace(same, path);
        default -> {
          Files.delete(path);
          Files.createSymbolicLink(path, same);
        }
      }
      assertThatThrownBy(file::verify).isInstanceOf(CheckpointFormatException.class);
    }
  }

  @Test
  void aFileThatIsDeletedMeanwhileHasChanged() throws IOException {
    Path path = Files.writeString(model.resolve("a"), "abcdef");
    try (InputFile file = InputFile.open(path)) {
      Files.delete(path);
      assertRefused(Code.FILE_CHANGED, file::verify, "changed or replaced");
    }
  }

  @Test
  void anInterruptedReaderDoesNotDisturbTheOthers() throws Exception {
    try (InputFile file = InputFile.open(Files.writeString(model.resolve("a"), "abcdef"))) {
      Throwable[] thrown = new Throwable[1];
      Thread interrupted =
          new Thread(
              () -> {
                Thread.currentThread().interrupt();
                try {
                  file.read(0, ByteBuffer.allocate(1));
                } catch (IOException e) {
                  thrown[0] = e;
                }
              });
      interrupted.start();
      interrupted.join();
      assertThat(thrown[0]).isInstanceOf(ClosedByInterruptException.class);
      ByteBuffer all = ByteBuffer.allocate(6);
      file.read(0, all);
      assertThat(all.array()).asString().isEqualTo("abcdef");
    }
  }

  @Test
  void aClosedFileSaysSo() throws IOException {
    InputFile file = InputFile.open(owner);
    file.close();
    file.close();
    assertThatThrownBy(() -> file.read(0, ByteBuffer.allocate(1)))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatIsNotARegularFileIsRefused() {
    assertRefused(Code.NOT_REGULAR, () -> InputFile.open(Path.of("/dev/zero")), "/dev/zero");
    assertRefused(Code.NOT_REGULAR, () -> InputFile.open(model), "model");
  }

  @Test
  void aPipeIsRefusedAndNotWaitedFor() throws Exception {
    Path pipe = model.resolve("pipe");
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/mkfifo")), "there is no mkfifo");
    assertThat(new ProcessBuilder("/usr/bin/mkfifo", pipe.toString()).start().waitFor()).isZero();
    assertRefused(Code.NOT_REGULAR, () -> InputFile.open(pipe), "pipe");
    for (Links links : Links.values()) {
      assertRefused(Code.NOT_REGULAR, () -> InputFile.open(owner, "pipe", links), "pipe");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "../secret.bin",
    "a/../../secret.bin",
    "/etc/passwd",
    "a\\b",
    "'..'",
    "'.'",
    "''",
  })
  void aNameThatLeadsOutOfTheFolderIsRefused(String name) {
    for (Links links : Links.values()) {
      assertRefused(Code.PATH_ESCAPE, () -> InputFile.open(owner, name, links), "index.json");
    }
  }

  @ParameterizedTest
  @EnumSource(Links.class)
  void aNameThatNoFileCanHaveIsRefused(Links links) {
    String long256 = "x".repeat(256);
    assertRefused(Code.PATH_ESCAPE, () -> InputFile.open(owner, long256, links), "index.json");
    assertRefused(Code.PATH_ESCAPE, () -> InputFile.open(owner, "a\0b", links), "a.b");
  }

  @ParameterizedTest
  @EnumSource(Links.class)
  void plainNamesAreOpenedAlsoInFoldersAndWithDotsInThem(Links links) throws IOException {
    Files.writeString(model.resolve("w..bin"), "x");
    Files.createDirectory(model.resolve("data"));
    Files.writeString(model.resolve("data/w.bin"), "x");
    InputFile.open(owner, "w..bin", links).close();
    InputFile.open(owner, "./data/w.bin", links).close();
    assertThatThrownBy(() -> InputFile.open(owner, "none.bin", links))
        .isInstanceOf(NoSuchFileException.class);
  }

  @Test
  void aLinkOutOfTheModelIsRefused() throws IOException {
    Files.createSymbolicLink(model.resolve("w.bin"), Path.of("../secret.bin"));
    assertRefused(
        Code.PATH_ESCAPE, () -> InputFile.open(owner, "w.bin", Links.WITHIN_MODEL), "w.bin");
    assertRefused(Code.NOT_REGULAR, () -> InputFile.open(owner, "w.bin", Links.REFUSED), "w.bin");
  }

  @Test
  void aLinkedFolderIsRefused() throws IOException {
    Files.createSymbolicLink(model.resolve("up"), Path.of(".."));
    for (Links links : Links.values()) {
      assertRefused(
          Code.PATH_ESCAPE, () -> InputFile.open(owner, "up/secret.bin", links), "secret.bin");
    }
  }

  @Test
  void aHardLinkAndAFolderAreRefusedWhereLinksAre() throws IOException {
    Files.createLink(model.resolve("hard.bin"), scratch.resolve("secret.bin"));
    Files.createDirectory(model.resolve("folder"));
    for (String name : new String[] {"hard.bin", "folder"}) {
      assertRefused(Code.NOT_REGULAR, () -> InputFile.open(owner, name, Links.REFUSED), name);
    }
  }

  @Test
  void theLinksOfAHubCacheAreFollowed() throws IOException {
    Path cache = Files.createDirectories(scratch.resolve("models--one--model"));
    Path blobs = Files.createDirectories(cache.resolve("blobs"));
    Path snapshot = Files.createDirectories(cache.resolve("snapshots/main"));
    Files.writeString(blobs.resolve("1"), "one");
    Files.writeString(blobs.resolve("2"), "index");
    Files.createSymbolicLink(snapshot.resolve("w.bin"), Path.of("../../blobs/1"));
    Path index = Files.createSymbolicLink(snapshot.resolve("index.json"), Path.of("../../blobs/2"));
    try (InputFile file = InputFile.open(index, "w.bin", Links.WITHIN_MODEL)) {
      assertThat(file.size()).isEqualTo(3);
      file.verify();
    }
    Files.createSymbolicLink(snapshot.resolve("x.bin"), Path.of("../../../secret.bin"));
    assertRefused(
        Code.PATH_ESCAPE, () -> InputFile.open(index, "x.bin", Links.WITHIN_MODEL), "x.bin");
  }

  private static void assertRefused(Code code, ThrowingCallable call, String word) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(word);
  }
}
