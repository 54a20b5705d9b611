package dev.coppice.formats.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.CodedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** Protocol buffer bytes as no library would write them. */
final class Bytes {
  /** Writes with a coded stream. */
  @FunctionalInterface
  interface Writing {
    void to(CodedOutputStream out) throws IOException;
  }

  private Bytes() {}

  static byte[] of(Writing writing) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      writing.to(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** Gives a field with a body. */
  static byte[] field(int number, byte[]... parts) {
    byte[] body = concat(parts);
    return of(out -> out.writeByteArray(number, body));
  }

  static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  /** Gives a model with one initializer, whose data fields are given as bytes. */
  static byte[] model(TensorProto tensor, byte[] data, GraphProto rest) {
    byte[] initializer = field(5, tensor.toByteArray(), data);
    byte[] outside =
        ModelProto.newBuilder().setIrVersion(8).setProducerName("x").build().toByteArray();
    return concat(outside, field(7, initializer, rest.toByteArray()));
  }
}
