package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PrivateLibrariesTest {
  private static final byte[] CONTENTS = "a library".getBytes(StandardCharsets.UTF_8);

  @TempDir private Path folder;

  @Test
  void aLibraryLiesInAFolderOfTheUserAlone() throws IOException {
    Path file = libraries().provide("libx.so", CONTENTS);
    assertThat(file).isEqualTo(root().resolve("libx.so")).hasBinaryContent(CONTENTS);
    assertThat(permissions(root())).isEqualTo("rwx------");
    assertThat(permissions(file)).isEqualTo("rw-------");
    assertNothingElseLiesBeside(file);
  }

  @Test
  void aFileThatIsAlreadyThereIsUsedAgain() throws IOException {
    Path file = libraries().provide("libx.so", CONTENTS);
    Object before = Files.readAttributes(file, "unix:ino").get("ino");
    assertThat(libraries().provide("libx.so", CONTENTS)).isEqualTo(file);
    assertThat(Files.readAttributes(file, "unix:ino").get("ino")).isEqualTo(before);
    assertNothingElseLiesBeside(file);
  }

  @Test
  void aPlantedOrTruncatedFileIsReplaced() throws IOException {
    Path file = libraries().provide("libx.so", CONTENTS);
    for (String planted : List.of("", "a libr", "b library", "a library and more")) {
      Files.writeString(file, planted);
      assertThat(libraries().provide("libx.so", CONTENTS)).hasBinaryContent(CONTENTS);
      assertNothingElseLiesBeside(file);
    }
  }

  @Test
  void aLinkIsReplacedAndNotWrittenThrough() throws IOException {
    Path file = libraries().provide("libx.so", CONTENTS);
    Path elsewhere = Files.write(folder.resolve("elsewhere"), CONTENTS);
    Files.delete(file);
    Files.createSymbolicLink(file, elsewhere);
    assertThat(libraries().provide("libx.so", CONTENTS)).isRegularFile();
    assertThat(Files.isSymbolicLink(file)).isFalse();
  }

  @Test
  void aFolderThatOthersMayEnterIsRefused() throws IOException {
    Files.createDirectory(root());
    Files.setPosixFilePermissions(root(), PosixFilePermissions.fromString("rwxrwxrwx"));
    assertThatIOException()
        .isThrownBy(() -> libraries().provide("libx.so", CONTENTS))
        .withMessageContaining("must have the permissions rwx------, not rwxrwxrwx");
    assertThat(root()).isEmptyDirectory();
  }

  @Test
  void aFolderOfAUserWhoHasNoNameIsTakenForWhatItIs() throws IOException {
    String user = System.setProperty("user.name", "?");
    try {
      assertThat(libraries().provide("libx.so", CONTENTS)).hasBinaryContent(CONTENTS);
    } finally {
      System.setProperty("user.name", user);
    }
  }

  @Test
  void whatBelongsToAnotherUserIsNotTrusted() throws IOException {
    Path file = libraries().provide("libx.so", CONTENTS);
    assumeTrue(Files.getOwner(file).getName().equals("root"), "only root can give files away");
    UserPrincipal other =
        file.getFileSystem().getUserPrincipalLookupService().lookupPrincipalByName("nobody");
    Files.setOwner(file, other);
    assertThat(Files.getOwner(libraries().provide("libx.so", CONTENTS))).isNotEqualTo(other);
    Files.setOwner(root(), other);
    assertThatIOException()
        .isThrownBy(() -> libraries().provide("libx.so", CONTENTS))
        .withMessageContaining("belongs to nobody");
  }

  @Test
  void aFolderThatIsALinkOrAFileIsRefused() throws IOException {
    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Files.createSymbolicLink(root(), elsewhere);
    assertThatIOException()
        .isThrownBy(() -> libraries().provide("libx.so", CONTENTS))
        .withMessageContaining("is not a folder");
    assertThat(elsewhere).isEmptyDirectory();
    Files.delete(root());
    Files.createFile(root());
    assertThatIOException().isThrownBy(() -> libraries().provide("libx.so", CONTENTS));
  }

  @Test
  void manyThreadsAtOnceGetTheSameWholeFile() {
    List<Path> files =
        IntStream.range(0, 64).parallel().mapToObj(i -> unchecked(libraries())).distinct().toList();
    assertThat(files).hasSize(1);
    assertThat(files.get(0)).hasBinaryContent(CONTENTS);
  }

  private static Path unchecked(PrivateLibraries libraries) {
    try {
      return libraries.provide("libx.so", CONTENTS);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private void assertNothingElseLiesBeside(Path file) throws IOException {
    try (Stream<Path> files = Files.list(root())) {
      assertThat(files).containsExactly(file);
    }
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  private Path root() {
    return folder.resolve("native");
  }

  private PrivateLibraries libraries() {
    return new PrivateLibraries(root());
  }
}
