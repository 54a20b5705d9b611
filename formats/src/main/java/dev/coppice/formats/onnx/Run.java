package dev.coppice.formats.onnx;

import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A stretch of a tensor's elements that lie one after the other in a file, with nothing else
 * between them but what belongs to their encoding.
 */
interface Run {
  /** Where changed bytes go to; positions are those of the file they were read from. */
  @FunctionalInterface
  interface Sink {
    /** Takes {@code from}, from its position to its limit. */
    void write(long position, ByteBuffer from) throws IOException;
  }

  /** Gives the number of elements. */
  long elements();

  /** Gives the position of the first byte that belongs to it. */
  long start();

  /** Gives the position after its last byte. */
  long end();

  /**
   * Fills {@code into} with elements from {@code first} on, {@code width} bytes each,
   * little-endian.
   */
  void read(InputFile source, int width, long first, ByteBuffer into) throws IOException;

  /**
   * Writes the bytes that hold the elements from {@code first} on, with the values of {@code from};
   * all else in them is taken from {@code source}. Values that do not change keep their bytes.
   */
  void write(InputFile source, Sink sink, int width, long first, ByteBuffer from)
      throws IOException;
}
