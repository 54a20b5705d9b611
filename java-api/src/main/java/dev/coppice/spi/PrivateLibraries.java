package dev.coppice.spi;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;

/**
 * Lays native libraries out as files where nobody but the user can plant or change one: in a folder
 * that only the user may enter, each library in a folder named by its SHA-256, compared byte for
 * byte before each use, published by an atomic move. For file systems with POSIX permissions.
 */
public final class PrivateLibraries {
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");

  private final Path root;

  /** Keeps libraries below {@code root}, which is made if it is absent. */
  public PrivateLibraries(Path root) {
    this.root = root;
  }

  /** Keeps libraries below the user's cache: {@code $XDG_CACHE_HOME} or {@code ~/.cache}. */
  public static PrivateLibraries ofUser() {
    String cache = System.getenv("XDG_CACHE_HOME");
    Path base =
        cache == null || !Path.of(cache).isAbsolute()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(cache);
    return new PrivateLibraries(base.resolve("coppice").resolve("native"));
  }

  /**
   * Gives the path of a file called {@code name} that holds exactly {@code contents}. Its folder
   * holds nothing else and belongs to the user alone.
   *
   * @throws IOException if there is no such place: the message says what is wrong with it
   */
  public Path provide(String name, byte[] contents) throws IOException {
    Files.createDirectories(root.toAbsolutePath().resolve("..").normalize());
    makePrivate(root);
    Path folder = root.resolve(sha256(contents));
    makePrivate(folder);
    Path file = folder.resolve(name);
    if (!holds(folder, file, contents)) {
      publish(folder, file, contents);
    }
    return file;
  }

  private static void makePrivate(Path folder) throws IOException {
    if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
      try {
        Files.createDirectory(folder, PosixFilePermissions.asFileAttribute(OWNER_ONLY));
      } catch (java.nio.file.FileAlreadyExistsException e) {
        // Another process was faster; what it made is checked like any other.
      }
    }
    PosixFileAttributes found = attributes(folder);
    if (!found.isDirectory()) {
      throw new IOException(folder + " is not a folder; remove it");
    }
    if (!found.owner().equals(user(folder))) {
      throw new IOException(folder + " belongs to " + found.owner() + "; remove it");
    }
    if (!found.permissions().equals(OWNER_ONLY)) {
      Files.setPosixFilePermissions(folder, OWNER_ONLY);
    }
  }

  /** Gives the user that this process runs as: the owner of what it makes. */
  private static UserPrincipal user(Path folder) throws IOException {
    Path probe = Files.createTempFile(folder, "probe", null);
    try {
      return attributes(probe).owner();
    } finally {
      Files.delete(probe);
    }
  }

  private static PosixFileAttributes attributes(Path path) throws IOException {
    return Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean holds(Path folder, Path file, byte[] contents) throws IOException {
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        && attributes(file).owner().equals(attributes(folder).owner())
        && Files.size(file) == contents.length
        && Arrays.equals(Files.readAllBytes(file), contents);
  }

  private static void publish(Path folder, Path file, byte[] contents) throws IOException {
    Path temporary = Files.createTempFile(folder, "new", null);
    try {
      Files.write(temporary, contents);
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static String sha256(byte[] contents) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(contents));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
