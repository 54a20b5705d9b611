package dev.coppice.spi;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipal;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;

/**
 * Lays native libraries out as files where nobody but the user can plant or change one: in a folder
 * that only the user may enter, compared byte for byte before each use, published by an atomic
 * move. For file systems with POSIX permissions.
 */
public final class PrivateLibraries {
  private static final Set<PosixFilePermission> OWNER_ONLY =
      PosixFilePermissions.fromString("rwx------");
  private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
      PosixFilePermissions.asFileAttribute(OWNER_ONLY);

  private final Path root;

  /** Keeps libraries in {@code root}, which is made if it is absent. */
  public PrivateLibraries(Path root) {
    this.root = root;
  }

  /**
   * Keeps libraries in the user's cache, {@code $XDG_CACHE_HOME} or {@code ~/.cache}, if there is
   * one.
   */
  public static Optional<PrivateLibraries> ofUser() {
    Path given = Path.of(Optional.ofNullable(System.getenv("XDG_CACHE_HOME")).orElse(""));
    Path home = Path.of(System.getProperty("user.home", ""));
    Path cache = given.isAbsolute() ? given : home.resolve(".cache");
    return cache.isAbsolute()
        ? Optional.of(new PrivateLibraries(cache.resolve("coppice").resolve("native")))
        : Optional.empty();
  }

  /**
   * Gives the path of a file called {@code name} that holds exactly {@code contents}; another
   * process that asks for it at once does no harm. A name stands for one content: different ones
   * would replace each other.
   *
   * @throws IOException if there is no such place: the message says what is wrong with it
   */
  public Path provide(String name, byte[] contents) throws IOException {
    Files.createDirectories(root, PRIVATE);
    UserPrincipal owner = checkedOwner();
    Path file = root.resolve(name);
    if (!holds(file, contents, owner)) {
      publish(file, contents);
      if (!holds(file, contents, owner)) {
        throw new IOException(file + " does not hold what was written to it");
      }
    }
    return file;
  }

  private UserPrincipal checkedOwner() throws IOException {
    PosixFileAttributes found = attributes(root);
    if (!found.isDirectory()) {
      throw new IOException(root + " is not a folder; remove it");
    }
    if (!found.permissions().equals(OWNER_ONLY)) {
      throw new AccessDeniedException(
          root.toString(),
          null,
          "must have the permissions rwx------, not "
              + PosixFilePermissions.toString(found.permissions()));
    }
    if (!isUser(found.owner())) {
      throw new AccessDeniedException(root.toString(), null, "belongs to " + found.owner());
    }
    return found.owner();
  }

  /** Asks the file system only where the names differ: a user of a container may have none. */
  private boolean isUser(UserPrincipal owner) throws IOException {
    if (owner.getName().equals(System.getProperty("user.name"))) {
      return true;
    }
    Path mine = Files.createTempFile(root, "owner-", "");
    try {
      return attributes(mine).owner().equals(owner);
    } finally {
      Files.delete(mine);
    }
  }

  private static PosixFileAttributes attributes(Path path) throws IOException {
    return Files.readAttributes(path, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
  }

  private static boolean holds(Path file, byte[] contents, UserPrincipal owner) throws IOException {
    return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
        && attributes(file).owner().equals(owner)
        && Files.size(file) == contents.length
        && Arrays.equals(Files.readAllBytes(file), contents);
  }

  private void publish(Path file, byte[] contents) throws IOException {
    Path temporary = Files.createTempFile(root, "new-", null);
    try {
      Files.write(temporary, contents);
      Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  @Override
  public String toString() {
    return root.toString();
  }
}
