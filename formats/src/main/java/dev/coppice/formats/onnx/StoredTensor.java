package dev.coppice.formats.onnx;

import dev.coppice.Shape;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A TensorProto: what it is and where its elements lie.
 *
 * @param name its name; empty if it has none
 * @param type its element type
 * @param shape its dimensions
 * @param position where it begins in the model file
 * @param file the file that holds its data
 * @param extents the bytes of that file that hold its data: of fields with one value each the whole
 *     fields, of others their contents
 * @param runs where its elements lie in that file, in their order; known for types that can be
 *     pruned and for all external data
 * @param location where the name of that file is written, if the data are external
 */
record StoredTensor(
    String name,
    ElementType type,
    Shape shape,
    long position,
    InputFile file,
    List<Extent> extents,
    List<Run> runs,
    @Nullable Location location) {

  /** Bytes of a file, from start to end. */
  record Extent(long start, long end) {}

  /** Gives the size of its data. */
  long bytes() {
    return extents.stream().mapToLong(extent -> extent.end() - extent.start()).sum();
  }

  /** Fills {@code into} with the bytes of its data from {@code first} on. */
  void readBytes(long first, ByteBuffer into) throws IOException {
    int limit = into.limit();
    long skip = first;
    for (Extent extent : extents) {
      long length = extent.end() - extent.start();
      if (skip < length && into.position() < limit) {
        into.limit((int) Math.min(limit, into.position() + length - skip));
        file.read(extent.start() + skip, into);
      }
      skip = Math.max(0, skip - length);
    }
    into.limit(limit);
  }

  /** Fills {@code into} with elements from {@code first} on. */
  void read(int width, long first, ByteBuffer into) throws IOException {
    each(width, first, into, (run, at, part) -> run.read(file, width, at, part));
  }

  /** Writes the bytes that hold the elements from {@code first} on, with the values given. */
  void write(Run.Sink sink, int width, long first, ByteBuffer from) throws IOException {
    each(width, first, from, (run, at, part) -> run.write(file, sink, width, at, part));
  }

  private interface Step {
    void take(Run run, long first, ByteBuffer part) throws IOException;
  }

  private void each(int width, long first, ByteBuffer elements, Step step) throws IOException {
    int limit = elements.limit();
    long at = first;
    for (Run run : runs) {
      long left = run.elements() - at;
      if (left > 0 && elements.position() < limit) {
        elements.limit((int) Math.min(limit, elements.position() + left * width));
        step.take(run, at, elements);
      }
      at = Math.max(0, at - run.elements());
    }
    elements.limit(limit);
  }

  /**
   * The place in the model file that names the file of external data.
   *
   * @param name the file's path as it is written, relative to the model's folder
   * @param entry the message whose field holds it
   * @param start where the field's length begins
   * @param end where the field ends
   */
  record Location(String name, Message entry, long start, long end) {}
}
