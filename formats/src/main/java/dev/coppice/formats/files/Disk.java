package dev.coppice.formats.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Every call that changes the disk, in one place, so that tests can make each of them fail. */
class Disk {
  static final Disk REAL = new Disk();

  private static final boolean FOLDERS_CAN_BE_FORCED =
      !System.getProperty("os.name").startsWith("Windows");

  /** After how many bytes what was written is forced while more is written. */
  long forceEvery() {
    return 256L << 20;
  }

  FileChannel create(Path file) throws IOException {
    return FileChannel.open(
        file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  void createFolder(Path folder) throws IOException {
    Files.createDirectory(folder);
  }

  void write(FileChannel file, long position, ByteBuffer from) throws IOException {
    long at = position;
    while (from.hasRemaining()) {
      at += file.write(from, at);
    }
  }

  void force(FileChannel file) throws IOException {
    file.force(true);
  }

  void forceFolder(Path folder) throws IOException {
    if (FOLDERS_CAN_BE_FORCED) {
      try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }

  /** Gives {@code file} a second name; never replaces one. */
  void link(Path file, Path name) throws IOException {
    Files.createLink(name, file);
  }

  /** Renames; an existing file is refused, but not atomically. */
  void move(Path from, Path to) throws IOException {
    Files.move(from, to);
  }

  /** Renames in one step; an existing file, or an empty folder, is replaced. */
  void replace(Path from, Path to) throws IOException {
    Files.move(from, to, StandardCopyOption.ATOMIC_MOVE);
  }

  void delete(Path path) throws IOException {
    Files.deleteIfExists(path);
  }
}
