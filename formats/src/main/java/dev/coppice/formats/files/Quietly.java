package dev.coppice.formats.files;

import java.io.Closeable;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import org.jspecify.annotations.Nullable;

/** Tidying up where a failure has nobody to go to: what stays is found by the next run. */
final class Quietly {
  private Quietly() {}

  static void close(Closeable closeable) {
    try {
      closeable.close();
    } catch (IOException e) {
      // Nothing was lost: files that count were forced before.
    }
  }

  /** Deletes a file, or a folder with all that is in it; links are not followed. */
  static boolean delete(Disk disk, Path path) {
    try {
      if (Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
        Files.walkFileTree(path, new Deletion(disk));
      } else {
        disk.delete(path);
      }
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static final class Deletion extends SimpleFileVisitor<Path> {
    private final Disk disk;

    Deletion(Disk disk) {
      this.disk = disk;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
      disk.delete(file);
      return FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
        throws IOException {
      if (failure != null) {
        throw failure;
      }
      disk.delete(folder);
      return FileVisitResult.CONTINUE;
    }
  }
}
