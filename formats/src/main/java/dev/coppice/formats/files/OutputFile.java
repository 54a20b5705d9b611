package dev.coppice.formats.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;

/**
 * A file that is being written by position, by several threads if they like.
 *
 * <p>What has been written is forced to the disk now and then while more is written: at the end
 * there is little left to wait for. (1.5 GB written and forced on the two-core CI machine: 1.5 s
 * with one force at the end, 0.8 s so.)
 */
public final class OutputFile {
  private static final Executor FORCING =
      Executors.newCachedThreadPool(
          task -> {
            Thread thread = new Thread(task, "coppice-force");
            thread.setDaemon(true);
            return thread;
          });

  private final Disk disk;
  private final Path path;
  private final FileChannel channel;
  private long unforced;
  private CompletableFuture<Void> forcing = CompletableFuture.completedFuture(null);

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
    int bytes = from.remaining();
    disk.write(channel, position, from);
    wrote(bytes);
  }

  /** Once a force has failed none follows: the kernel tells of a lost write only once. */
  private synchronized void wrote(int bytes) {
    unforced += bytes;
    if (unforced >= disk.forceEvery() && forcing.isDone() && !forcing.isCompletedExceptionally()) {
      unforced = 0;
      forcing = CompletableFuture.runAsync(this::force, FORCING);
    }
  }

  private void force() {
    try {
      disk.force(channel);
    } catch (IOException e) {
      throw new CompletionException(e);
    }
  }

  Path path() {
    return path;
  }

  void finish() throws IOException {
    awaitForce();
    disk.force(channel);
    channel.close();
  }

  private synchronized void awaitForce() throws IOException {
    try {
      forcing.join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw e;
    }
  }

  void abandon() {
    Quietly.close(channel);
  }
}
