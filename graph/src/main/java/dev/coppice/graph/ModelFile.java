package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.UnsafeByteOperations;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.Checkpoints;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.formats.files.InputFile;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Reads and writes models as whole files. */
final class ModelFile {
  /** The depth that the format's own reader allows, in messages. */
  private static final int DEEPEST = 100;

  private ModelFile() {}

  /**
   * Reads a model that the format's own reader has nothing against, with its data in other files.
   *
   * @throws CheckpointFormatException if a file is damaged, or is of a model that is not shrunk
   */
  static Graph read(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw noOnnx(file);
    }
    try (Checkpoint checkpoint = Checkpoints.open(file);
        InputFile input = InputFile.open(file)) {
      if (!checkpoint.format().equals("onnx")) {
        throw noOnnx(file);
      }
      if (checkpoint.bytes() > Integer.MAX_VALUE - 8) {
        throw CheckpointFormatException.of(
            Code.LIMIT, file, "is larger than 2 GiB, which no model in one file can be");
      }
      ByteBuffer bytes = ByteBuffer.allocate((int) input.size());
      input.read(0, bytes);
      input.verify();
      return Graph.of(whole(parse(bytes.flip(), file), checkpoint), file);
    }
  }

  private static CheckpointFormatException noOnnx(Path file) {
    return CheckpointFormatException.of(Code.UNSUPPORTED, file, "is not an ONNX file");
  }

  /** Puts data of other files into the model. What has no name of its own stays outside. */
  private static ModelProto whole(ModelProto model, Checkpoint checkpoint) throws IOException {
    Map<String, CheckpointTensor> stored = new HashMap<>();
    checkpoint.tensors().forEach(tensor -> stored.put(tensor.name(), tensor));
    GraphProto.Builder graph = null;
    for (int i = 0; i < model.getGraph().getInitializerCount(); i++) {
      TensorProto tensor = model.getGraph().getInitializer(i);
      CheckpointTensor found = stored.get(tensor.getName());
      if (tensor.getDataLocation() == DataLocation.EXTERNAL && found != null) {
        byte[] data = new byte[(int) found.bytes()];
        checkpoint.readBytes(found, 0, ByteBuffer.wrap(data));
        graph = graph == null ? model.getGraph().toBuilder() : graph;
        graph.setInitializer(
            i,
            tensor.toBuilder()
                .clearExternalData()
                .clearDataLocation()
                .setRawData(UnsafeByteOperations.unsafeWrap(data)));
      }
    }
    return graph == null ? model : model.toBuilder().setGraph(graph).build();
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
   * @param overwrite whether an existing file is replaced; never one that {@code input} consists of
   */
  static void write(ModelProto model, Path file, boolean overwrite, Path input) throws IOException {
    FileTarget.write(file, model.toByteArray(), overwrite, files(input));
  }

  private static List<Path> files(Path model) throws IOException {
    try (Checkpoint checkpoint = Checkpoints.open(model)) {
      return checkpoint.inputs();
    }
  }
}
