package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The bytes of a protocol buffer file, seen through a window that moves; also keeps count of the
 * memory that its reader may still take. One thread at a time.
 */
final class Wire {
  /**
   * What a graph may take in memory, counted generously: half of the heap, at most 1 GiB. In a heap
   * of 256 MB that is some sixty thousand nodes.
   */
  private static final long BUDGET = Math.min(1L << 30, Runtime.getRuntime().maxMemory() / 2);

  private static final int WINDOW = 64 << 10;
  private static final int MAX_VARINT = 10;

  private final InputFile source;
  private final byte[] window = new byte[WINDOW];
  private long windowStart;
  private int windowLength;
  private long position;
  private long budget = BUDGET;

  Wire(InputFile source) {
    this.source = source;
  }

  Path path() {
    return source.path();
  }

  long size() {
    return source.size();
  }

  long position() {
    return position;
  }

  void seek(long to) {
    position = to;
  }

  /** Reads a varint that must end before {@code end}; bits above the 64th are dropped. */
  long varint(long end) throws IOException {
    long begin = position;
    long value = 0;
    for (int i = 0; i < MAX_VARINT; i++) {
      if (position >= end) {
        throw bad(begin, "a varint runs beyond its message");
      }
      int b = next();
      value |= (long) (b & 0x7F) << (7 * i);
      if (b < 0x80) {
        return value;
      }
    }
    throw bad(begin, "a varint of more than " + MAX_VARINT + " bytes");
  }

  /** Reads a little-endian number of {@code bytes} bytes that must end before {@code end}. */
  long fixed(int bytes, long end) throws IOException {
    if (end - position < bytes) {
      throw bad(position, "a number of " + bytes + " bytes runs beyond its message");
    }
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (long) next() << (8 * i);
    }
    return value;
  }

  /** Reads UTF-8, each wrong byte as U+FFFD. */
  String string(int bytes) throws IOException {
    spend(128L + 3L * bytes);
    byte[] text = new byte[bytes];
    source.read(position, ByteBuffer.wrap(text));
    position += bytes;
    return new String(text, StandardCharsets.UTF_8);
  }

  /** Takes from the memory that is left. */
  void spend(long bytes) {
    budget -= bytes;
    if (budget < 0) {
      throw CheckpointFormatException.of(
          Code.LIMIT,
          path(),
          "its graph would need more than "
              + (BUDGET >> 20)
              + " MB of memory, the most that this heap allows");
    }
  }

  CheckpointFormatException bad(long at, String message) {
    return CheckpointFormatException.at(Code.PROTO, path(), at, message);
  }

  private int next() throws IOException {
    long offset = position - windowStart;
    if (offset < 0 || offset >= windowLength) {
      fill();
      offset = 0;
    }
    position++;
    return window[(int) offset] & 0xFF;
  }

  private void fill() throws IOException {
    int length = (int) Math.min(WINDOW, size() - position);
    source.read(position, ByteBuffer.wrap(window, 0, length));
    windowStart = position;
    windowLength = length;
  }
}
