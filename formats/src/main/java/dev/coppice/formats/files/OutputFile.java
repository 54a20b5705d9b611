package dev.coppice.formats.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** A file that is being written by position, by several threads if they like. */
public final class OutputFile {
  private final Disk disk;
  private final Path path;
  private final FileChannel channel;

  OutputFile(Disk disk, Path path) throws IOException {
    this.disk = disk;
    this.path = path;
    this.channel = disk.create(path);
  }

  /** Gives the name that the file has, or will have once it is published. */
  public String name() {
    return path.getFileName().toString();
  }

  /** Writes {@code from}, from its position to its limit, at {@code position}. */
  public void write(long position, ByteBuffer from) throws IOException {
    disk.write(channel, position, from);
  }

  Path path() {
    return path;
  }

  void finish() throws IOException {
    disk.force(channel);
    channel.close();
  }

  void abandon() {
    Quietly.close(channel);
  }
}
