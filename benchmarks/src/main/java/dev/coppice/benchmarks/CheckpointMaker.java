package dev.coppice.benchmarks;

import dev.coppice.DType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Writes safetensors files of Gaussian weights, of any size, in a few megabytes of memory. */
final class CheckpointMaker {
  private static final int COLUMNS = 1024;
  private static final int CHUNK_BYTES = 32 << 20;

  private CheckpointMaker() {}

  /** Gives the size of what {@link #write} makes, its header left out. */
  static long bytes(DType dtype, long weights, int tensors) {
    return tensors * rows(weights, tensors) * COLUMNS * dtype.bytes();
  }

  private static long rows(long weights, int tensors) {
    return Math.max(1, weights / tensors / COLUMNS);
  }

  /** Writes that many weights, rounded down to whole rows of every one of the tensors. */
  static void write(Path file, DType dtype, long weights, int tensors, long seed)
      throws IOException {
    long rows = rows(weights, tensors);
    long each = rows * COLUMNS * dtype.bytes();
    StringBuilder header = new StringBuilder("{");
    for (int t = 0; t < tensors; t++) {
      header
          .append(t == 0 ? "" : ",")
          .append(
              "\"layers.%d.weight\":{\"dtype\":\"%s\",\"shape\":[%d,%d],"
                  .formatted(t, dtype, rows, COLUMNS))
          .append("\"data_offsets\":[%d,%d]}".formatted(t * each, (t + 1) * each));
    }
    header.append("}").append(" ".repeat(8 - (header.length() + 1) % 8));
    byte[] bytes = header.toString().getBytes(StandardCharsets.UTF_8);
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer head = Passes.direct(8 + bytes.length);
      writeAll(channel, head.putLong(bytes.length).put(bytes).flip());
      ByteBuffer chunk = Passes.direct(CHUNK_BYTES);
      long total = tensors * each;
      for (long at = 0; at < total; at += CHUNK_BYTES) {
        Input.GAUSSIAN.fill(chunk, dtype, (seed << 32) + ((at / CHUNK_BYTES) << 16));
        writeAll(channel, chunk.clear().limit((int) Math.min(CHUNK_BYTES, total - at)));
      }
    }
  }

  private static void writeAll(FileChannel channel, ByteBuffer from) throws IOException {
    while (from.hasRemaining()) {
      channel.write(from);
    }
  }
}
