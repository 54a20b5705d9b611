package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;

/**
 * The bytes of a JSON text in a file. What a JSON parser might let pass is refused before it sees
 * it: bytes that are not UTF-8 (overlong forms and surrogates among them), a byte order mark,
 * control characters, and nesting that is deeper than any header needs.
 */
final class CheckedStream extends InputStream {
  private static final int DEEPEST = 128;

  private final InputFile file;
  private final long start;
  private final long end;
  private long position;

  /** How many bytes of the current character are to come, and the bounds of the next of them. */
  private int missing;

  private int lowest = 0x80;
  private int highest = 0xBF;

  private boolean inString;
  private boolean escaped;
  private int depth;

  CheckedStream(InputFile file, long start, long length) {
    this.file = file;
    this.start = start;
    this.position = start;
    this.end = start + length;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (position == end) {
      return -1;
    }
    int count = (int) Math.min(length, end - position);
    file.read(position, ByteBuffer.wrap(into, offset, count));
    for (int i = offset; i < offset + count; i++) {
      check(into[i] & 0xFF);
      position++;
    }
    if (position == end && missing > 0) {
      throw refused(Code.HEADER_UTF8, "ends within a character");
    }
    return count;
  }

  private void check(int b) {
    if (missing > 0) {
      if (b < lowest || b > highest) {
        throw refused(Code.HEADER_UTF8, "is not UTF-8");
      }
      missing--;
      lowest = 0x80;
      highest = 0xBF;
    } else if (b < 0x80) {
      checkAscii(b);
    } else {
      begin(b);
    }
  }

  /** The table of well-formed sequences of the Unicode standard (3-7). */
  private void begin(int b) {
    if (position == start && b == 0xEF) {
      throw refused(Code.HEADER_JSON, "begins with a byte order mark or a letter");
    }
    if (b < 0xC2 || b > 0xF4) {
      throw refused(Code.HEADER_UTF8, "is not UTF-8");
    }
    missing = b < 0xE0 ? 1 : b < 0xF0 ? 2 : 3;
    lowest = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    highest = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
  }

  private void checkAscii(int b) {
    if (b < ' ' && b != '\n' && b != '\r' && b != '\t') {
      throw refused(Code.HEADER_JSON, "has a control character");
    }
    if (inString) {
      inString = escaped || b != '"';
      escaped = !escaped && b == '\\';
    } else if (b == '"') {
      inString = true;
    } else if (b == '{' || b == '[') {
      if (++depth > DEEPEST) {
        throw refused(Code.JSON_DEPTH, "nests more than " + DEEPEST + " levels");
      }
    } else if (b == '}' || b == ']') {
      depth--;
    }
  }

  private CheckpointFormatException refused(Code code, String what) {
    return CheckpointFormatException.at(code, file.path(), position, "the JSON text " + what);
  }
}
