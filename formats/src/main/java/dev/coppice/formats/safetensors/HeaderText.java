package dev.coppice.formats.safetensors;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import dev.coppice.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** A header that is being written. */
final class HeaderText {
  /** Data begin at a multiple of it, as many readers like it. */
  private static final int ALIGNMENT = 8;

  private final StringBuilder text = new StringBuilder("{");

  /** Begins with the metadata, if there are any. */
  HeaderText(Map<String, String> metadata) {
    if (!metadata.isEmpty()) {
      text.append(quoted(HeaderReader.METADATA)).append(':');
      text.append(
          metadata.entrySet().stream()
              .map(entry -> quoted(entry.getKey()) + ":" + quoted(entry.getValue()))
              .collect(Collectors.joining(",", "{", "}")));
    }
  }

  /** Adds a tensor whose data begin and end there, counted from the first byte of all data. */
  void add(String name, String type, Shape shape, long begin, long end) {
    List<Long> dimensions = Arrays.stream(shape.toArray()).boxed().toList();
    text.append(text.length() == 1 ? "" : ",").append(entry(name, type, dimensions, begin, end));
  }

  static String entry(String name, String type, List<Long> shape, long begin, long end) {
    return "%s:{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
        .formatted(quoted(name), type, shape.toString().replace(" ", ""), begin, end);
  }

  static String quoted(String text) {
    return '"' + new String(JsonStringEncoder.getInstance().quoteAsString(text)) + '"';
  }

  static int bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }

  /** Gives how many bytes stand before the data if the text has as many, or a few less. */
  static long dataStart(long textBytes) {
    return HeaderReader.LENGTH_BYTES + (textBytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }

  /** Gives all bytes before the data, if these begin right after it. */
  ByteBuffer bytes() {
    return bytes(dataStart(bytes(toString())));
  }

  /** Gives all bytes before the data, with spaces behind the text. */
  ByteBuffer bytes(long dataStart) {
    byte[] json = toString().getBytes(StandardCharsets.UTF_8);
    if (json.length > dataStart - HeaderReader.LENGTH_BYTES) {
      throw new IllegalStateException(
          "a header of %d bytes in the place of %d".formatted(json.length, dataStart));
    }
    byte[] all = new byte[Math.toIntExact(dataStart)];
    Arrays.fill(all, (byte) ' ');
    ByteBuffer bytes = ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN);
    return bytes.putLong(dataStart - HeaderReader.LENGTH_BYTES).put(json).rewind();
  }

  @Override
  public String toString() {
    return text + "}";
  }
}
