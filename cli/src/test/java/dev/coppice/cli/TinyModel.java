package dev.coppice.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;

/** Writes small safetensors files, with nothing but what a test needs. */
final class TinyModel {
  private final List<String> entries = new ArrayList<>();
  private final List<byte[]> data = new ArrayList<>();
  private int offset;

  /** A model of one weight matrix, a bias, an embedding and a tensor of integers. */
  static TinyModel usual() {
    return new TinyModel()
        .f32("layer.0.weight", i -> i + 1, 8, 16)
        .f32("layer.0.bias", i -> 1, 8)
        .f32("embed.weight", i -> 2, 4, 4)
        .bytes("ids", "I64", new byte[32], "4");
  }

  TinyModel f32(String name, IntToDoubleFunction value, int... shape) {
    int count = 1;
    List<String> dimensions = new ArrayList<>();
    for (int d : shape) {
      count *= d;
      dimensions.add(Integer.toString(d));
    }
    ByteBuffer bytes = ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      bytes.putFloat((float) value.applyAsDouble(i));
    }
    return bytes(name, "F32", bytes.array(), String.join(",", dimensions));
  }

  TinyModel bytes(String name, String type, byte[] bytes, String shape) {
    entries.add(
        "\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
            .formatted(name, type, shape, offset, offset + bytes.length));
    data.add(bytes);
    offset += bytes.length;
    return this;
  }

  Path write(Path file) throws IOException {
    byte[] header = ("{" + String.join(",", entries) + "}").getBytes(StandardCharsets.UTF_8);
    ByteBuffer all = ByteBuffer.allocate(8 + header.length + offset).order(ByteOrder.LITTLE_ENDIAN);
    all.putLong(header.length).put(header);
    data.forEach(all::put);
    return Files.write(file, all.array());
  }
}
