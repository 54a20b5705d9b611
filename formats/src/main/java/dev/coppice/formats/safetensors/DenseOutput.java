package dev.coppice.formats.safetensors;

import dev.coppice.formats.files.CopiedRange;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.formats.files.OutputFile;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointWriter;
import dev.coppice.spi.Execution;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The model that was compressed, while it is written. */
final class DenseOutput {
  private final CompressedCheckpoint model;
  private final OutputFile output;
  private final Execution execution;
  private final List<CheckpointWriter.Piece> copied = new ArrayList<>();

  private DenseOutput(CompressedCheckpoint model, OutputFile output, Execution execution) {
    this.model = model;
    this.output = output;
    this.execution = execution;
  }

  static long write(CompressedCheckpoint model, Path file, boolean overwrite, Execution execution)
      throws IOException {
    try (FileTarget target = FileTarget.begin(file, overwrite, model.inputs())) {
      long bytes = new DenseOutput(model, target.main(), execution).write();
      model.stored().verify();
      target.commit(List.of());
      execution.progress().end();
      return bytes;
    }
  }

  private long write() throws IOException {
    execution.progress().expect(model.tensors().stream().mapToLong(DenseOutput::bytes).sum());
    execution.progress().begin("decompress");
    Optional<StoredTensor> kept = model.header();
    Header header = kept.isPresent() ? keptHeader(kept.get()) : newHeader();
    long end = header.end();
    for (StoredTensor place : header.tensors()) {
      execution.checkCancelled();
      String name = place.tensor().name();
      end = Math.max(end, place.offset() + bytes(place.tensor()));
      if (model.stored(name) != Format.DENSE) {
        write(model.weights(name), place.offset());
      } else {
        StoredTensor from = model.stored().find(name).orElseThrow();
        CopiedRange.split(
            from.file(), from.offset(), output, place.offset(), from.tensor().bytes(), copied);
      }
    }
    Slices.copy(copied, execution);
    return end;
  }

  private Header keptHeader(StoredTensor kept) throws IOException {
    long length = kept.tensor().bytes();
    ByteBuffer size = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    output.write(0, size.putLong(0, length));
    CopiedRange.split(
        kept.file(), kept.offset(), output, HeaderReader.LENGTH_BYTES, length, copied);
    return HeaderReader.read(kept.file(), kept.offset(), length);
  }

  /** Makes a header as the reference implementation does: the widest types first, then by name. */
  private Header newHeader() throws IOException {
    Map<String, String> metadata = new LinkedHashMap<>(model.stored().metadata());
    metadata.keySet().removeIf(key -> key.startsWith(SparseEntry.KEY));
    List<CheckpointTensor> sorted = new ArrayList<>(model.tensors());
    sorted.sort(
        Comparator.comparing((CheckpointTensor t) -> -ElementType.valueOf(t.type()).bits())
            .thenComparing(CheckpointTensor::name));
    HeaderText text = new HeaderText(metadata);
    long end = 0;
    for (CheckpointTensor tensor : sorted) {
      text.add(tensor.name(), tensor.type(), tensor.shape(), end, end + bytes(tensor));
      end += bytes(tensor);
    }
    ByteBuffer bytes = text.bytes();
    List<StoredTensor> places = new ArrayList<>();
    long at = bytes.capacity();
    for (CheckpointTensor tensor : sorted) {
      places.add(new StoredTensor(tensor, model.stored().shards().get(0).file(), at));
      at += bytes(tensor);
    }
    output.write(0, bytes);
    return new Header(places, metadata, bytes.capacity());
  }

  /** Gives what a tensor takes when it is not compressed. */
  private static long bytes(CheckpointTensor tensor) {
    return tensor.dtype().isPresent()
        ? tensor.shape().elements() * tensor.dtype().get().bytes()
        : tensor.bytes();
  }

  private void write(LinearWeights weights, long offset) throws IOException {
    int rowBytes = weights.in() * weights.dtype().bytes();
    long stretch = Math.max(1, execution.sliceBytes() / rowBytes);
    execution.forEach(
        (weights.out() + stretch - 1) / stretch,
        (index, worker) -> {
          execution.checkCancelled();
          long first = index * stretch;
          int rows = (int) Math.min(stretch, weights.out() - first);
          ByteBuffer dense = worker.buffer(rows * rowBytes);
          for (int i = 0; i < rows; i++) {
            weights.row(first + i, dense.position(i * rowBytes));
          }
          output.write(offset + first * rowBytes, dense.rewind());
          execution.progress().advance((long) rows * rowBytes);
        });
  }
}
