package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Shape;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The header of an array in numpy's NPY format, versions 1 to 3.
 *
 * @param bytes the size of the header: the numbers begin after it
 */
record NpyHeader(NumberType type, Shape shape, int bytes) {
  private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
  private static final int MOST_BYTES = 1 << 16;
  private static final int HIGHEST_RANK = 32;

  /** A field of the header, a literal of Python; possessive, so that each is tried once. */
  private static final Pattern FIELD =
      Pattern.compile(
          "\\s*+'(\\w++)'\\s*+:\\s*+('[^']*+'|True|False|\\([0-9,\\sL]*+\\))\\s*+(,|(?=\\s*+\\}))");

  private static final Map<String, NumberType> TYPES =
      Map.ofEntries(
          Map.entry("<f8", NumberType.F64),
          Map.entry("<f4", NumberType.F32),
          Map.entry("<f2", NumberType.F16),
          Map.entry("<i8", NumberType.I64),
          Map.entry("<i4", NumberType.I32),
          Map.entry("<i2", NumberType.I16),
          Map.entry("|i1", NumberType.I8),
          Map.entry("<u2", NumberType.U16),
          Map.entry("|u1", NumberType.U8),
          Map.entry("|b1", NumberType.BOOL));

  /**
   * Reads the header and leaves the stream at the numbers.
   *
   * @param refused makes the exception for what is wrong
   */
  static NpyHeader read(InputStream in, BiFunction<Code, String, CheckpointFormatException> refused)
      throws IOException {
    byte[] start = bytes(in, 8, refused);
    if (!Arrays.equals(start, 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      throw refused.apply(Code.UNSUPPORTED, "is not an NPY array");
    }
    int version = start[6];
    if (version < 1 || version > 3) {
      throw refused.apply(Code.UNSUPPORTED, "is NPY of version " + version + "; 1 to 3 are read");
    }
    int width = version == 1 ? 2 : 4;
    byte[] length = bytes(in, width, refused);
    long count = 0;
    for (int i = width - 1; i >= 0; i--) {
      count = count << 8 | (length[i] & 0xFF);
    }
    if (count > MOST_BYTES) {
      throw refused.apply(Code.HEADER_TOO_LARGE, "has a header of " + count + " bytes");
    }
    byte[] text = bytes(in, (int) count, refused);
    Map<String, String> fields = fields(new String(text, StandardCharsets.UTF_8), refused);
    if ("True".equals(fields.get("fortran_order"))) {
      throw refused.apply(
          Code.UNSUPPORTED, "is in Fortran's order; save numpy.ascontiguousarray of it");
    }
    int bytes = start.length + width + text.length;
    return new NpyHeader(type(fields, refused), shape(fields, refused), bytes);
  }

  private static Map<String, String> fields(
      String text, BiFunction<Code, String, CheckpointFormatException> refused) {
    Map<String, String> fields = new HashMap<>();
    String header = text.strip();
    Matcher field = FIELD.matcher(header);
    int at = header.startsWith("{") ? 1 : header.length();
    while (field.region(at, header.length()).lookingAt()) {
      String value = field.group(2);
      if (fields.put(field.group(1), value.replace("'", "")) != null) {
        throw refused.apply(Code.DUPLICATE_KEY, "has " + field.group(1) + " twice in its header");
      }
      at = field.end();
    }
    boolean whole = at <= header.length() && header.substring(at).strip().equals("}");
    if (!whole || !fields.keySet().equals(Set.of("descr", "fortran_order", "shape"))) {
      throw refused.apply(Code.TENSOR_INFO, "has a header that is not understood: " + header);
    }
    return fields;
  }

  private static NumberType type(
      Map<String, String> fields, BiFunction<Code, String, CheckpointFormatException> refused) {
    String name = fields.getOrDefault("descr", "");
    NumberType type = TYPES.get(name);
    if (type == null) {
      throw refused.apply(
          Code.DTYPE,
          "is of type \"%s\"; those read are %s"
              .formatted(name, TYPES.keySet().stream().sorted().toList()));
    }
    return type;
  }

  private static Shape shape(
      Map<String, String> fields, BiFunction<Code, String, CheckpointFormatException> refused) {
    String text = fields.getOrDefault("shape", "").replaceAll("[()\\sL]", "");
    try {
      long[] dimensions =
          text.isEmpty()
              ? new long[0]
              : Arrays.stream(text.split(",")).mapToLong(Long::parseLong).toArray();
      if (dimensions.length > HIGHEST_RANK) {
        throw refused.apply(Code.SHAPE, "has " + dimensions.length + " dimensions");
      }
      return Shape.of(dimensions);
    } catch (NumberFormatException e) {
      throw refused.apply(Code.SHAPE, "has a shape that is none: " + text);
    } catch (ArithmeticException e) {
      throw refused.apply(Code.OVERFLOW, "has a shape of too many numbers: " + text);
    }
  }

  private static byte[] bytes(
      InputStream in, int count, BiFunction<Code, String, CheckpointFormatException> refused)
      throws IOException {
    byte[] bytes;
    try {
      bytes = in.readNBytes(count);
    } catch (EOFException e) {
      bytes = new byte[0];
    }
    if (bytes.length < count) {
      throw refused.apply(Code.HEADER_TOO_SMALL, "ends within its header");
    }
    return bytes;
  }
}
