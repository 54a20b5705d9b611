package dev.coppice.evaluation;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.GZIPInputStream;

/** The IDX format of the MNIST family. */
final class Idx {
  private static final int UNSIGNED_BYTES = 0x08;
  private static final int MOST_BYTES = 64 << 20;

  private Idx() {}

  /**
   * Reads a gzip file that holds an array of unsigned bytes, 64 MiB at most, and nothing after it.
   *
   * @param item the dimensions that must follow the first
   * @return the elements, row-major
   */
  static byte[] readGzip(InputStream gzip, int... item) throws IOException {
    DataInputStream in = new DataInputStream(new GZIPInputStream(gzip));
    int magic = in.readInt();
    if (magic != (UNSIGNED_BYTES << 8 | (1 + item.length))) {
      throw new IOException(
          String.format(
              "not an IDX array of unsigned bytes with %d dimensions: it begins with %08x",
              1 + item.length, magic));
    }
    long size = in.readInt();
    for (int dimension : item) {
      int actual = in.readInt();
      if (actual != dimension) {
        throw new IOException("an IDX array's dimension must be " + dimension + ", not " + actual);
      }
      size *= dimension;
    }
    if (size < 1 || size > MOST_BYTES) {
      throw new IOException("an IDX array must have 1 to " + MOST_BYTES + " elements, not " + size);
    }
    byte[] bytes = in.readNBytes((int) size);
    if (bytes.length < size) {
      throw new EOFException("an IDX array of " + size + " elements ends after " + bytes.length);
    }
    if (in.read() >= 0) {
      throw new IOException("an IDX array of " + size + " elements is followed by more");
    }
    return bytes;
  }
}
