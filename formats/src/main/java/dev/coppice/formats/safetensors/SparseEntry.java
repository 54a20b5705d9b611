package dev.coppice.formats.safetensors;

import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.PartLayout;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What the metadata say of a compressed tensor, as {@code bitmap BF16 4096x14336}: its format, its
 * type and its shape, which is seen as a matrix of its first dimension by all others.
 */
record SparseEntry(Format format, DType dtype, Shape shape) {
  /** What precedes the tensor's name in the key. */
  static final String KEY = "coppice.sparse:";

  /** The tensor that holds the text of the header that the model had before it was compressed. */
  static final String HEADER = "coppice.header";

  /** A row is held in a thread's memory. */
  private static final long LARGEST_ROW = 16 << 20;

  /** A part has less than 2 GiB, and so has the tensor when it is decompressed. */
  private static final long LARGEST = Integer.MAX_VALUE - 1024;

  private static final int LONGEST = 1500;
  private static final Pattern TEXT =
      Pattern.compile("(2:4|bitmap|csr) (F32|F16|BF16) (\\d{1,19}(?:x\\d{1,19}){1,63})");

  /**
   * Refuses what no tensor is compressed to.
   *
   * @throws IllegalArgumentException if a dimension is 0, there are fewer than two, or it or its
   *     rows are too large
   */
  SparseEntry {
    whyNot(dtype, shape)
        .ifPresent(
            why -> {
              throw new IllegalArgumentException(why);
            });
  }

  /** Says why a tensor is not compressed in whatever format. */
  static Optional<String> whyNot(DType dtype, Shape shape) {
    if (shape.rank() < 2 || shape.elements() == 0) {
      return Optional.of("a shape of " + shape + " is not compressed");
    }
    if (in(shape) > LARGEST_ROW / dtype.bytes()) {
      return Optional.of("rows of more than 16 MiB are not compressed");
    }
    return shape.elements() > LARGEST / dtype.bytes()
        ? Optional.of("a tensor of 2 GiB or more is not compressed")
        : Optional.empty();
  }

  static SparseEntry parse(String text) {
    Matcher matcher = TEXT.matcher(text.length() > LONGEST ? "" : text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "its metadata must be a format, a type and a shape, such as \"bitmap BF16 64x128\", not \""
              + text
              + "\"");
    }
    try {
      long[] dimensions =
          Stream.of(matcher.group(3).split("x")).mapToLong(Long::parseLong).toArray();
      return new SparseEntry(
          Format.named(matcher.group(1)), DType.valueOf(matcher.group(2)), Shape.of(dimensions));
    } catch (ArithmeticException | NumberFormatException e) {
      throw new IllegalArgumentException("its shape is too large for any file", e);
    }
  }

  @Override
  public String toString() {
    return format.title() + " " + dtype + " " + shape;
  }

  private static long in(Shape shape) {
    return shape.after(0);
  }

  long out() {
    return shape.dimension(0);
  }

  int in() {
    return (int) in(shape);
  }

  int rowBytes() {
    return in() * dtype.bytes();
  }

  /**
   * Gives what it consists of.
   *
   * @throws IllegalArgumentException if the format has no such weights
   */
  List<PartLayout> layout() {
    return format.layout(dtype, out(), in());
  }

  /** Gives what a part is called in a file. */
  static String partName(String tensor, String part) {
    return tensor + "." + part;
  }
}
