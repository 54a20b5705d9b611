package dev.coppice.evaluation;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.stream.LongStream;
import java.util.zip.Deflater;

/**
 * How small a file becomes when it is compressed as gzip does, in blocks of 1 MiB that know nothing
 * of each other, so that all processors share the work and memory is bounded by them.
 */
public final class DeflatedSize {
  private static final int BLOCK = 1 << 20;
  private static final int LEVEL = 6;

  private DeflatedSize() {}

  /** Gives the bytes that the compressed blocks have together. */
  public static long of(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file)) {
      long size = channel.size();
      return LongStream.range(0, (size + BLOCK - 1) / BLOCK)
          .parallel()
          .map(i -> block(channel, i * BLOCK, (int) Math.min(BLOCK, size - i * BLOCK)))
          .sum();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static long block(FileChannel channel, long from, int size) {
    OnnxRuntime.checkStopped();
    ByteBuffer block = ByteBuffer.allocate(size);
    try {
      while (block.hasRemaining()) {
        if (channel.read(block, from + block.position()) < 0) {
          throw new EOFException("a file became shorter while it was read");
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Deflater deflater = new Deflater(LEVEL, true);
    try {
      deflater.setInput(block.flip());
      deflater.finish();
      byte[] out = new byte[1 << 16];
      long deflated = 0;
      while (!deflater.finished()) {
        deflated += deflater.deflate(out);
      }
      return deflated;
    } finally {
      deflater.end();
    }
  }
}
