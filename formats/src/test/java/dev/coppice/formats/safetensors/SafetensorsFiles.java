package dev.coppice.formats.safetensors;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Makes files of the format byte by byte, good ones and bad ones. */
final class SafetensorsFiles {
  private SafetensorsFiles() {}

  static byte[] file(String header, int dataBytes) {
    return file(header.getBytes(StandardCharsets.UTF_8), data(dataBytes));
  }

  static byte[] file(byte[] header, byte[] data) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(length(header.length));
    bytes.writeBytes(header);
    bytes.writeBytes(data);
    return bytes.toByteArray();
  }

  static byte[] length(long length) {
    return ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(length).array();
  }

  /** Gives bytes that differ from one another. */
  static byte[] data(int count) {
    byte[] data = new byte[count];
    for (int i = 0; i < count; i++) {
      data[i] = (byte) (i * 37 + 11);
    }
    return data;
  }

  static String tensor(String name, String type, long[] shape, long begin, long end) {
    String dimensions =
        Arrays.stream(shape).mapToObj(Long::toString).collect(Collectors.joining(","));
    return "\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
        .formatted(name, type, dimensions, begin, end);
  }

  static Path write(Path folder, String name, byte[] bytes) throws IOException {
    return Files.write(folder.resolve(name), bytes);
  }

  /** Writes a file with matrices of F32, each 2 x 3 with distinct values. */
  static Path matrices(Path folder, String file, @Nullable String metadata, String... names)
      throws IOException {
    StringBuilder header = new StringBuilder("{");
    if (metadata != null) {
      header.append("\"__metadata__\":").append(metadata).append(',');
    }
    for (int i = 0; i < names.length; i++) {
      header.append(i == 0 ? "" : ",");
      header.append(tensor(names[i], "F32", new long[] {2, 3}, 24L * i, 24L * i + 24));
    }
    ByteBuffer data = ByteBuffer.allocate(24 * names.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 6 * names.length; i++) {
      data.putFloat(i + 1);
    }
    byte[] json = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
    return write(folder, file, file(json, data.array()));
  }
}
