package dev.coppice.formats.files;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import org.jspecify.annotations.Nullable;

/**
 * One regular file that is read by position and never mapped, so that a file that shrinks costs an
 * exception and not the JVM. Safe for use by several threads: a thread that is interrupted while it
 * reads closes the channel, as channels do, and the others open the same file again.
 */
public final class InputFile implements AutoCloseable {
  private record Stamp(long size, FileTime modified, @Nullable Object key) {
    static Stamp of(BasicFileAttributes attributes) {
      return new Stamp(attributes.size(), attributes.lastModifiedTime(), attributes.fileKey());
    }
  }

  private final Path path;
  private final Path real;
  private final Stamp stamp;
  private FileChannel channel;
  private volatile boolean closed;

  private InputFile(Path path, Path real) throws IOException {
    this.path = path;
    this.real = real;
    this.stamp = look();
    this.channel = reopen();
  }

  /**
   * Opens the file that the user named; links are followed.
   *
   * @throws java.nio.file.NoSuchFileException if there is none
   * @throws CheckpointFormatException with NOT_REGULAR if it is a folder, a device or the like
   */
  public static InputFile open(Path path) throws IOException {
    return new InputFile(path, path.toRealPath());
  }

  /**
   * Opens the file that {@code owner}, a file of the model, names relative to its own folder.
   *
   * @throws java.nio.file.NoSuchFileException if there is none
   * @throws CheckpointFormatException with PATH_ESCAPE or NOT_REGULAR as {@code links} demands
   */
  public static InputFile open(Path owner, String name, Links links) throws IOException {
    Path real = links.resolve(owner, name);
    return new InputFile(owner.toAbsolutePath().resolveSibling(Path.of(name).normalize()), real);
  }

  /** Gives the path that the file was opened by. */
  public Path path() {
    return path;
  }

  /** Gives the size that the file had when it was opened, in bytes. */
  public long size() {
    return stamp.size();
  }

  /**
   * Fills {@code into}, from its position to its limit, with the bytes from {@code position} on.
   *
   * @throws CheckpointFormatException with FILE_CHANGED if the file has become too short
   */
  public void read(long position, ByteBuffer into) throws IOException {
    long at = position;
    while (into.hasRemaining()) {
      int count = readSome(at, into);
      if (count < 0) {
        throw CheckpointFormatException.at(
            Code.FILE_CHANGED, path, at, "ends here, and had " + size() + " bytes when opened");
      }
      at += count;
    }
  }

  private int readSome(long position, ByteBuffer into) throws IOException {
    while (true) {
      try {
        return channel().read(into, position);
      } catch (ClosedByInterruptException e) {
        throw e;
      } catch (ClosedChannelException e) {
        if (closed) {
          throw new IllegalStateException(path + " is closed", e);
        }
      }
    }
  }

  private synchronized FileChannel channel() throws IOException {
    if (!channel.isOpen() && !closed) {
      channel = reopen();
    }
    return channel;
  }

  /**
   * Checks that the file is still the one that was opened, with the same size and date.
   *
   * @throws CheckpointFormatException with FILE_CHANGED if not
   */
  public void verify() throws IOException {
    if (!isAsItWas()) {
      throw CheckpointFormatException.of(
          Code.FILE_CHANGED, path, "was changed or replaced while it was read");
    }
  }

  private boolean isAsItWas() throws IOException {
    try {
      return look().equals(stamp);
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private Stamp look() throws IOException {
    BasicFileAttributes attributes =
        Files.readAttributes(real, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (!attributes.isRegularFile()) {
      throw CheckpointFormatException.of(Code.NOT_REGULAR, path, "is not a regular file");
    }
    return Stamp.of(attributes);
  }

  private FileChannel reopen() throws IOException {
    FileChannel opened = FileChannel.open(real, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
    try {
      verify();
    } catch (IOException | RuntimeException e) {
      opened.close();
      throw e;
    }
    return opened;
  }

  @Override
  public synchronized void close() {
    closed = true;
    Quietly.close(channel);
  }

  @Override
  public String toString() {
    return path.toString();
  }
}
