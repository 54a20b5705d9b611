package dev.coppice.simd;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A directory that nobody but this user can look into or change, and files in it that are known by
 * their content.
 */
final class PrivateDirectory implements AutoCloseable {
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");
  private static final FileAttribute<Set<PosixFilePermission>> AS_DIRECTORY =
      PosixFilePermissions.asFileAttribute(OWNER_ONLY);
  private static final FileAttribute<Set<PosixFilePermission>> AS_FILE =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  private final Path path;

  /**
   * Creates the directory, or takes one that is there.
   *
   * @throws AccessDeniedException if others may enter it, or it is not this user's
   */
  static PrivateDirectory of(Path path) throws IOException {
    Files.createDirectories(path, AS_DIRECTORY);
    check(path);
    return new PrivateDirectory(path);
  }

  private PrivateDirectory(Path path) {
    this.path = path;
  }

  /** Creates a new one among the temporary files; closing removes it. */
  static PrivateDirectory temporary() throws IOException {
    return new PrivateDirectory(Files.createTempDirectory("coppice-", AS_DIRECTORY));
  }

  /** Gives where this user's cached libraries belong: by XDG's rules, null if there is no home. */
  static @Nullable Path userCache() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    if (xdg != null && Path.of(xdg).isAbsolute()) {
      return Path.of(xdg, "coppice", "native");
    }
    Path home = Path.of(System.getProperty("user.home", ""));
    return home.isAbsolute() ? home.resolve(".cache").resolve("coppice").resolve("native") : null;
  }

  /**
   * Gives a file that holds {@code content}, named by its SHA-256. A file of that name is taken if
   * its bytes are those, and replaced otherwise; another process that does the same at once does no
   * harm.
   *
   * @param sha256 in hexadecimal digits
   */
  Path publish(String sha256, byte[] content) throws IOException {
    Path file = path.resolve("libcoppice-" + sha256 + ".so");
    if (!holds(file, content)) {
      Path written = Files.createTempFile(path, "new-", ".so", AS_FILE);
      try {
        write(written, content);
        Files.move(written, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(written);
      }
      if (!holds(file, content)) {
        throw new IOException(file + " does not hold what was written to it");
      }
    }
    return file;
  }

  /** Removes the directory and what is in it. */
  @Override
  public void close() throws IOException {
    try (Stream<Path> files = Files.list(path)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(path);
  }

  private static void check(Path path) throws IOException {
    PosixFileAttributes found = attributes(path);
    if (!found.isDirectory() || !found.permissions().equals(OWNER_ONLY)) {
      throw new AccessDeniedException(
          path.toString(),
          null,
          "must be a directory with the permissions rwx------, not "
              + PosixFilePermissions.toString(found.permissions()));
    }
    // A name that cannot be compared counts as somebody else's.
    if (!found.owner().getName().equals(System.getProperty("user.name"))) {
      throw new AccessDeniedException(path.toString(), null, "belongs to " + found.owner());
    }
  }

  private static boolean holds(Path file, byte[] content) throws IOException {
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        || Files.size(file) != content.length) {
      return false;
    }
    return Arrays.equals(Files.readAllBytes(file), content);
  }

  private static void write(Path file, byte[] content) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      ByteBuffer rest = ByteBuffer.wrap(content);
      while (rest.hasRemaining()) {
        channel.write(rest);
      }
    }
  }

  private static PosixFileAttributes attributes(Path path) throws IOException {
    return Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }
}
