package dev.coppice.benchmarks;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Writes an ONNX model of one Gemm y = x W^T; the numbers are those of onnx.proto's fields. */
final class GemmModel {
  private static final int FLOAT = 1;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  private GemmModel() {}

  static byte[] of(ByteBuffer weights, int out, int in) {
    GemmModel transposed = message().text(1, "transB").number(3, 1).number(20, 2);
    GemmModel node =
        message().text(1, "x").text(1, "w").text(2, "y").text(4, "Gemm").part(5, transposed);
    byte[] raw = new byte[weights.capacity()];
    weights.get(0, raw);
    GemmModel tensor =
        message().number(1, out).number(1, in).number(2, FLOAT).text(8, "w").raw(9, raw);
    GemmModel graph =
        message()
            .part(1, node)
            .text(2, "linear")
            .part(5, tensor)
            .part(11, matrix("x", in))
            .part(12, matrix("y", out));
    return message().number(1, 8).part(8, message().number(2, 13)).part(7, graph).bytes();
  }

  /** Describes a matrix of any number of rows. */
  private static GemmModel matrix(String name, int columns) {
    GemmModel shape =
        message().part(1, message().text(2, "batch")).part(1, message().number(1, columns));
    GemmModel type = message().part(1, message().number(1, FLOAT).part(2, shape));
    return message().text(1, name).part(2, type);
  }

  private static GemmModel message() {
    return new GemmModel();
  }

  private byte[] bytes() {
    return bytes.toByteArray();
  }

  private GemmModel number(int field, long value) {
    varint((long) field << 3);
    varint(value);
    return this;
  }

  private GemmModel text(int field, String value) {
    return raw(field, value.getBytes(StandardCharsets.UTF_8));
  }

  private GemmModel part(int field, GemmModel value) {
    return raw(field, value.bytes());
  }

  private GemmModel raw(int field, byte[] value) {
    varint(((long) field << 3) | 2);
    varint(value.length);
    bytes.writeBytes(value);
    return this;
  }

  private void varint(long value) {
    long left = value;
    for (; left > 0x7F; left >>>= 7) {
      bytes.write((int) ((left & 0x7F) | 0x80));
    }
    bytes.write((int) left);
  }
}
