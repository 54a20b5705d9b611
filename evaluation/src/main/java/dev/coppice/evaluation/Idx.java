package dev.coppice.evaluation;

import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;

/** An array of unsigned bytes in the IDX format of the MNIST family. */
public final class Idx {
  private static final int UNSIGNED_BYTES = 0x08;
  private static final int MOST_BYTES = 64 << 20;

  private final List<Integer> dimensions;
  private final byte[] elements;

  private Idx(List<Integer> dimensions, byte[] elements) {
    this.dimensions = List.copyOf(dimensions);
    this.elements = elements;
  }

  /** Gives the dimensions, outermost first. */
  public List<Integer> dimensions() {
    return dimensions;
  }

  /** Gives the elements, row-major: not a copy. */
  public byte[] elements() {
    return elements;
  }

  /**
   * Reads a gzip file that holds an array of unsigned bytes, 64 MiB at most, and nothing after it.
   *
   * @param item the dimensions that must follow the first
   * @return the elements, row-major
   */
  static byte[] readGzip(InputStream gzip, int... item) throws IOException {
    Idx array = read(new GZIPInputStream(gzip), 1 + item.length);
    for (int i = 0; i < item.length; i++) {
      if (array.dimensions.get(1 + i) != item[i]) {
        throw new IOException(
            "an IDX array's dimension must be " + item[i] + ", not " + array.dimensions.get(1 + i));
      }
    }
    return array.elements;
  }

  /**
   * Reads an array of unsigned bytes, 64 MiB at most, with nothing after it.
   *
   * @param rank how many dimensions it must have
   */
  public static Idx read(InputStream file, int rank) throws IOException {
    DataInputStream in = new DataInputStream(file);
    int magic = in.readInt();
    if (magic != (UNSIGNED_BYTES << 8 | rank)) {
      throw new IOException(
          String.format(
              "not an IDX array of unsigned bytes with %d dimensions: it begins with %08x",
              rank, magic));
    }
    List<Integer> dimensions = new ArrayList<>();
    long size = 1;
    for (int i = 0; i < rank; i++) {
      int dimension = in.readInt();
      dimensions.add(dimension);
      size = dimension < 1 || size > MOST_BYTES ? -1 : size * dimension;
    }
    if (size < 1 || size > MOST_BYTES) {
      throw new IOException(
          "an IDX array must have 1 to " + MOST_BYTES + " elements, not " + dimensions);
    }
    byte[] bytes = in.readNBytes((int) size);
    if (bytes.length < size) {
      throw new EOFException("an IDX array of " + size + " elements ends after " + bytes.length);
    }
    if (in.read() >= 0) {
      throw new IOException("an IDX array of " + size + " elements is followed by more");
    }
    return new Idx(dimensions, bytes);
  }
}
