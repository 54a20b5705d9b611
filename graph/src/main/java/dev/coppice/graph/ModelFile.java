package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.Checkpoints;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.formats.files.InputFile;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Reads and writes models as whole files. */
final class ModelFile {
  /** The depth that the format's own reader allows, in messages. */
  private static final int DEEPEST = 100;

  private ModelFile() {}

  /**
   * Reads a model that the format's own reader has nothing against.
   *
   * @throws CheckpointFormatException if the file is damaged, or is a model that is not shrunk
   */
  static Graph read(Path file) throws IOException {
    if (Files.isDirectory(file) || !isOnnx(file)) {
      throw CheckpointFormatException.of(Code.UNSUPPORTED, file, "is not an ONNX file");
    }
    try (InputFile input = InputFile.open(file)) {
      if (input.size() > Integer.MAX_VALUE - 8) {
        throw CheckpointFormatException.of(
            Code.LIMIT, file, "is larger than 2 GiB, which no model in one file can be");
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) input.size());
      input.read(0, bytes);
      input.verify();
      return Graph.of(parse(bytes.flip(), file), file);
    }
  }

  private static boolean isOnnx(Path file) throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(file)) {
      return checkpoint.format().equals("onnx");
    }
  }

  private static ModelProto parse(ByteBuffer bytes, Path file) {
    // The tensors share the array instead of being copied out of it.
    CodedInputStream stream = UnsafeByteOperations.unsafeWrap(bytes).newCodedInput();
    stream.enableAliasing(true);
    stream.setRecursionLimit(DEEPEST);
    try {
      return ModelProto.parseFrom(stream);
    } catch (InvalidProtocolBufferException e) {
      throw CheckpointFormatException.of(Code.PROTO, file, String.valueOf(e.getMessage()));
    } catch (IOException e) {
      throw new IllegalStateException(e); // An array has no other faults.
    }
  }

  /**
   * Publishes a model as a file that appears whole or not at all.
   *
   * @param overwrite whether an existing file is replaced; never {@code input}
   */
  static void write(ModelProto model, Path file, boolean overwrite, Path input) throws IOException {
    try (FileTarget target = FileTarget.begin(file, overwrite, List.of(input))) {
      target.main().write(0, ByteBuffer.wrap(model.toByteArray()));
      target.commit(List.of());
    }
  }
}
