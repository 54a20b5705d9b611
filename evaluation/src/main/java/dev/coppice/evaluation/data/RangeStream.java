package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Objects;

/** The bytes of a part of a file, in order. It does not own the file. */
final class RangeStream extends InputStream {
  private final InputFile file;
  private final long end;
  private long at;

  RangeStream(InputFile file, long begin, long end) {
    this.file = file;
    this.at = begin;
    this.end = end;
  }

  /** Reads a whole file of a bounded size. */
  static byte[] all(InputFile file, int most) throws IOException {
    if (file.size() > most) {
      throw CheckpointFormatException.of(
          Code.LIMIT, file.path(), "has " + file.size() + " bytes, more than " + most);
    }
    byte[] bytes = new byte[(int) file.size()];
    file.read(0, ByteBuffer.wrap(bytes));
    file.verify();
    return bytes;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] into, int from, int length) throws IOException {
    Objects.checkFromIndexSize(from, length, into.length);
    if (length == 0) {
      return 0;
    }
    if (at >= end) {
      return -1;
    }
    int count = (int) Math.min(length, end - at);
    file.read(at, ByteBuffer.wrap(into, from, count));
    at += count;
    return count;
  }

  @Override
  public int available() {
    return (int) Math.min(Integer.MAX_VALUE, end - at);
  }
}
