package dev.coppice;

import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** A file that is refused; the code says what is wrong with it. */
public final class CheckpointFormatException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private static final int LONGEST_PATH = 4096;

  /** What is wrong with the file. */
  public enum Code {
    /** Shorter than the length of its header. */
    HEADER_TOO_SMALL,
    /** The header's length is above the format's limit. */
    HEADER_TOO_LARGE,
    /** The header is longer than the file. */
    HEADER_LENGTH,
    /** The header is not UTF-8. */
    HEADER_UTF8,
    /** The header is not one JSON object. */
    HEADER_JSON,
    /** JSON is nested too deeply. */
    JSON_DEPTH,
    /** A name or field occurs twice. */
    DUPLICATE_KEY,
    /** Metadata are not a map of strings. */
    METADATA,
    /** An element type that the format does not have. */
    DTYPE,
    /** A tensor's description is incomplete. */
    TENSOR_INFO,
    /** A dimension that is none. */
    SHAPE,
    /** A product of dimensions or a size is above 2^63. */
    OVERFLOW,
    /** Offsets that overlap, leave holes or run backwards. */
    OFFSETS,
    /** The bytes are not what shape and type need. */
    TENSOR_SIZE,
    /** The file is longer or shorter than its contents. */
    FILE_SIZE,
    /** The file changed while it was read. */
    FILE_CHANGED,
    /** More entries than are read. */
    LIMIT,
    /** A path that leads outside the model's folder. */
    PATH_ESCAPE,
    /** A sharded index that does not agree with its shards. */
    INDEX,
    /** Not a protocol buffer message. */
    PROTO,
    /** Messages are nested too deeply. */
    PROTO_DEPTH,
    /** A link, folder or device where a regular file must be. */
    NOT_REGULAR,
    /** A range outside the external file. */
    EXTERNAL_RANGE,
    /** Functions that call each other in a circle. */
    GRAPH_CYCLE,
    /** A tensor that is stored compressed, and is not what its format demands. */
    SPARSE,
    /** A file of another kind; the message says what to convert it with. */
    UNSUPPORTED
  }

  private final Code code;
  private final transient Path file;
  private final @Nullable String tensor;
  private final long offset;

  private CheckpointFormatException(
      Code code, Path file, @Nullable String tensor, long offset, String message) {
    super(
        printable(file.toString(), LONGEST_PATH)
            + ": "
            + code
            + (tensor == null ? "" : ", tensor \"" + printable(tensor, 80) + "\"")
            + (offset < 0 ? "" : ", offset " + offset)
            + ": "
            + printable(message, 400));
    this.code = code;
    this.file = file;
    this.tensor = tensor;
    this.offset = offset;
  }

  /** Makes an exception about a whole file. */
  public static CheckpointFormatException of(Code code, Path file, String message) {
    return new CheckpointFormatException(code, file, null, -1, message);
  }

  /** Makes an exception about a place in a file. */
  public static CheckpointFormatException at(Code code, Path file, long offset, String message) {
    return new CheckpointFormatException(code, file, null, offset, message);
  }

  /** Makes an exception about a tensor, found at {@code offset} of the file (negative: unknown). */
  public static CheckpointFormatException in(
      Code code, Path file, String tensor, long offset, String message) {
    return new CheckpointFormatException(code, file, tensor, offset, message);
  }

  /** Gives the code. */
  public Code code() {
    return code;
  }

  /** Gives the file. */
  public Path file() {
    return file;
  }

  /** Gives the tensor's name, if the case is about one. */
  public Optional<String> tensor() {
    return Optional.ofNullable(tensor);
  }

  /** Gives the offset in the file, if the case is at one. */
  public OptionalLong offset() {
    return offset < 0 ? OptionalLong.empty() : OptionalLong.of(offset);
  }

  /** Cuts a stranger's text to {@code limit} and shows its control characters as dots. */
  private static String printable(String text, int limit) {
    StringBuilder shown = new StringBuilder();
    text.codePoints()
        .limit(limit)
        .map(c -> Character.isISOControl(c) ? '.' : c)
        .forEach(shown::appendCodePoint);
    return shown.length() < text.length() ? shown + "..." : shown.toString();
  }
}
