package dev.coppice.formats.safetensors;

import dev.coppice.DType;
import dev.coppice.ProgressListener;
import dev.coppice.Tensor;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.Part;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/** A file that is put together tensor by tensor, with the contents of each. */
final class SparseFiles {
  /** A tensor as the header describes it, and its bytes. */
  record Entry(String type, String shape, ByteBuffer data) {}

  final Map<String, String> metadata = new LinkedHashMap<>();
  final Map<String, Entry> tensors = new LinkedHashMap<>();

  SparseFiles metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  SparseFiles add(String name, String type, String shape, byte[] data) {
    tensors.put(name, new Entry(type, shape, ByteBuffer.wrap(data)));
    return this;
  }

  SparseFiles add(String name, Tensor tensor) {
    String shape = shape(tensor.shape().toArray());
    return add(name, tensor.dtype().name(), shape, LayerCase.bytes(tensor).array());
  }

  /** Adds weights as they are stored compressed. */
  SparseFiles add(String name, LinearWeights weights) {
    String shape = weights.out() + "x" + weights.in();
    metadata(
        "coppice.sparse:" + name, weights.format().title() + " " + weights.dtype() + " " + shape);
    for (Part part : weights.parts()) {
      byte[] data = new byte[part.data().capacity()];
      part.data().get(data);
      add(name + "." + part.name(), part.type(), shape(part.shape().toArray()), data);
    }
    return this;
  }

  private static String shape(long[] dimensions) {
    return Arrays.toString(dimensions);
  }

  Entry get(String name) {
    return Objects.requireNonNull(tensors.get(name));
  }

  byte[] bytes() {
    List<String> entries = new ArrayList<>();
    if (!metadata.isEmpty()) {
      entries.add(
          "\"__metadata__\": "
              + metadata.entrySet().stream()
                  .map(e -> "\"" + e.getKey() + "\":\"" + e.getValue() + "\"")
                  .collect(Collectors.joining(",", "{", "}")));
    }
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    tensors.forEach(
        (name, entry) -> {
          int begin = data.size();
          byte[] bytes = new byte[entry.data.remaining()];
          entry.data.get(0, bytes);
          data.writeBytes(bytes);
          entries.add(
              "\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}"
                  .formatted(name, entry.type, entry.shape, begin, data.size()));
        });
    String header = "{" + String.join(", ", entries) + "}   ";
    return SafetensorsFiles.file(header.getBytes(StandardCharsets.UTF_8), data.toByteArray());
  }

  Path write(Path folder, String name) throws IOException {
    return SafetensorsFiles.write(folder, name, bytes());
  }

  static Execution execution() {
    return new Execution(WorkPool.shared(), 2, 4096, () -> false, ProgressListener.NONE);
  }

  static List<Compression.Stored> compress(Path model, Path target, Format... format)
      throws IOException {
    Optional<Format> only = format.length == 0 ? Optional.empty() : Optional.of(format[0]);
    try (Checkpoint checkpoint = new SafetensorsFormat().open(model)) {
      return Compression.compress(
          checkpoint, new Compression.Request(only, List.of()), target, false, execution());
    }
  }

  static long decompress(Path model, Path target) throws IOException {
    try (CompressedCheckpoint checkpoint = CompressedCheckpoint.open(model)) {
      return Compression.decompress(checkpoint, target, false, execution());
    }
  }

  /** Makes a matrix of 4-dimensional shape of one of two dimensions. */
  static Tensor reshaped(Tensor matrix, long... shape) {
    return Tensor.of(matrix.dtype(), LayerCase.bytes(matrix), shape);
  }

  static Tensor vector(DType dtype, int count) {
    ByteBuffer data = ByteBuffer.wrap(SafetensorsFiles.data(count * dtype.bytes()));
    return Tensor.of(dtype, data, count);
  }
}
