package dev.coppice.simd;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.coppice.spi.PrivateLibraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  private static final byte[] CONTENT = "not really a library".repeat(1000).getBytes(UTF_8);

  private static final String SHA256 = "0123456789abcdef".repeat(4);

  @TempDir private Path home;

  /** What the loader was given: the file and what was in it. */
  private final List<Path> loaded = new ArrayList<>();

  @Test
  void theLibraryIsKeptInAPrivateDirectoryUnderTheNameOfItsContent() throws IOException {
    load(cache());

    assertThat(loaded).hasSize(1);
    assertThat(loaded.get(0).getParent()).isEqualTo(cache());
    assertThat(loaded.get(0).getFileName().toString()).matches("libcoppice-[0-9a-f]{64}\\.so");
    assertThat(permissions(cache())).isEqualTo("rwx------");
    assertThat(permissions(loaded.get(0))).isEqualTo("rw-------");
    assertThat(names(cache())).hasSize(1);
  }

  @Test
  void aKeptLibraryIsUsedAgain() throws IOException {
    load(cache());
    Object first = Files.getAttribute(loaded.get(0), "unix:ino");
    load(cache());

    assertThat(loaded.get(1)).isEqualTo(loaded.get(0));
    assertThat(Files.getAttribute(loaded.get(1), "unix:ino")).isEqualTo(first);
  }

  @Test
  void aPlantedFileOfTheSameSizeIsReplaced() throws IOException {
    load(cache());
    byte[] planted = CONTENT.clone();
    planted[777] ^= 1;
    Files.write(loaded.get(0), planted);

    load(cache());

    assertThat(loaded).hasSize(2);
    assertThat(names(cache())).hasSize(1);
  }

  @Test
  void aTruncatedFileIsReplaced() throws IOException {
    load(cache());
    Files.write(loaded.get(0), Arrays.copyOf(CONTENT, 100));

    load(cache());

    assertThat(loaded).hasSize(2);
  }

  @Test
  void aPlantedLinkIsReplacedAndNotFollowed() throws IOException {
    load(cache());
    Path elsewhere = Files.write(home.resolve("elsewhere"), CONTENT);
    Files.delete(loaded.get(0));
    Files.createSymbolicLink(loaded.get(0), elsewhere);

    load(cache());

    assertThat(loaded.get(1)).isRegularFile();
    assertThat(Files.isSymbolicLink(loaded.get(1))).isFalse();
    assertThat(elsewhere).hasBinaryContent(CONTENT);
  }

  @Test
  void aDirectoryThatOthersMayEnterIsNotTrusted() throws IOException {
    Files.createDirectories(cache());
    Files.setPosixFilePermissions(cache(), PosixFilePermissions.fromString("rwxr-x---"));

    load(cache());

    assertLoadedFromElsewhere();
  }

  @Test
  void aLinkInPlaceOfTheDirectoryIsNotTrusted() throws IOException {
    Path target = Files.createDirectories(home.resolve("target"));
    Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("rwx------"));
    Files.createDirectories(cache().getParent());
    Files.createSymbolicLink(cache(), target);

    load(cache());

    assertLoadedFromElsewhere();
    assertThat(names(target)).isEmpty();
  }

  @Test
  void aCacheThatCannotBeWrittenIsReplacedByATemporaryDirectoryThatIsRemoved() throws IOException {
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("r-x------"));
    try {
      assumeFalse(Files.isWritable(home), "root may write anywhere");
      load(cache());
    } finally {
      Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwx------"));
    }

    assertLoadedFromElsewhere();
  }

  @Test
  void aFileInPlaceOfTheCacheIsReplacedByATemporaryDirectoryThatIsRemoved() throws IOException {
    Files.writeString(home.resolve("cache"), "a file");

    load(cache());

    assertLoadedFromElsewhere();
  }

  @Test
  void withoutAHomeATemporaryDirectoryServes() {
    new NativeLibrary(null, SHA256, CONTENT).load(this::note);

    assertLoadedFromElsewhere();
  }

  @Test
  void aLibraryThatCannotBeLinkedIsTriedFromBothPlacesAndSaysWhy() {
    NativeLibrary library = new NativeLibrary(new PrivateLibraries(cache()), SHA256, CONTENT);

    assertThatThrownBy(
            () ->
                library.load(
                    file -> {
                      note(file);
                      throw new UnsatisfiedLinkError("invalid ELF header");
                    }))
        .isInstanceOf(NativeLibraryException.class)
        .hasMessageContaining("invalid ELF header")
        .hasMessageContaining(cache().toString());
    assertThat(loaded).hasSize(2);
    assertThat(loaded.get(1)).doesNotExist();
  }

  @Test
  void processesThatUnpackAtOnceAllFindTheWholeLibrary() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xshare:auto",
                  "-cp",
                  System.getProperty("java.class.path"),
                  Unpack.class.getName(),
                  cache().toString())
              .redirectErrorStream(true)
              .start());
    }
    for (Process process : processes) {
      process.getOutputStream().close();
    }
    for (Process process : processes) {
      String output = new String(process.getInputStream().readAllBytes(), UTF_8);
      assertThat(process.waitFor()).as(output).isZero();
    }
    for (int i = 0; i < Unpack.FOLDERS; i++) {
      assertThat(names(cache().resolve("" + i))).hasSize(1);
    }
  }

  /** Unpacks into one empty folder after the other, once its input has ended. */
  static final class Unpack {
    static final int FOLDERS = 50;

    private Unpack() {}

    public static void main(String[] arguments) throws IOException {
      System.in.read();
      for (int i = 0; i < FOLDERS; i++) {
        Path folder = Path.of(arguments[0], "" + i);
        new NativeLibrary(new PrivateLibraries(folder), SHA256, CONTENT)
            .load(file -> check(file, folder));
      }
    }

    private static void check(Path file, Path folder) {
      try {
        if (!file.startsWith(folder) || !Arrays.equals(Files.readAllBytes(file), CONTENT)) {
          throw new IllegalStateException(file + " is elsewhere or not whole");
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private Path cache() {
    return home.resolve("cache").resolve("coppice").resolve("native");
  }

  private void load(Path cache) {
    new NativeLibrary(new PrivateLibraries(cache), SHA256, CONTENT).load(this::note);
  }

  private void note(Path file) {
    assertThat(file).hasBinaryContent(CONTENT);
    loaded.add(file);
  }

  private void assertLoadedFromElsewhere() {
    assertThat(loaded).hasSize(1);
    assertThat(loaded.get(0).startsWith(home)).isFalse();
    assertThat(loaded.get(0).getParent()).doesNotExist();
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  private static List<String> names(Path directory) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
