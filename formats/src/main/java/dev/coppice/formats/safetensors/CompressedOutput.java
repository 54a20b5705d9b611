package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.DType;
import dev.coppice.Glob;
import dev.coppice.InvalidPlanException;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import dev.coppice.formats.files.CopiedRange;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.formats.files.InputFile;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.Part;
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

/**
 * A compressed copy while it is written. How much a tensor takes is known when it has been
 * compressed, and the header stands before it: so the header gets the room that it takes at most,
 * and is written last.
 */
final class CompressedOutput {
  private record Entry(String name, String type, Shape shape, long begin, long end) {}

  private final SafetensorsCheckpoint model;
  private final Compression.Request request;
  private final List<Glob> include;
  private final Execution execution;
  private final FileTarget target;
  private final HeaderRoom room;
  private final Map<String, String> metadata;
  private final List<Entry> entries = new ArrayList<>();
  private final List<Compression.Stored> done = new ArrayList<>();
  private final List<CheckpointWriter.Piece> copied = new ArrayList<>();
  private ByteBuffer buffer = ByteBuffer.allocateDirect(0);
  private long end;

  private CompressedOutput(
      SafetensorsCheckpoint model,
      Compression.Request request,
      FileTarget target,
      Execution execution) {
    this.model = model;
    this.request = request;
    this.include = request.include().stream().map(Glob::of).toList();
    this.execution = execution;
    this.target = target;
    this.metadata = new LinkedHashMap<>(model.metadata());
    this.room = new HeaderRoom(model, metadata);
  }

  static List<Compression.Stored> write(
      SafetensorsCheckpoint model,
      Compression.Request request,
      Path file,
      boolean overwrite,
      Execution execution)
      throws IOException {
    try (FileTarget target = FileTarget.begin(file, overwrite, model.inputs())) {
      return new CompressedOutput(model, request, target, execution).write();
    }
  }

  private List<Compression.Stored> write() throws IOException {
    checkGlobs();
    requireFree(SparseEntry.HEADER);
    execution.progress().expect(model.bytes());
    execution.progress().begin("compress");
    end = room.dataStart();
    if (model.index() == null) {
      keepHeader(model.shards().get(0));
    }
    for (Shard shard : model.shards()) {
      for (StoredTensor tensor : shard.tensors()) {
        execution.checkCancelled();
        add(tensor);
      }
    }
    if (end >= model.bytes() || done.stream().allMatch(s -> s.reason().isPresent())) {
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED,
          model.path(),
          "does not get smaller; prune it first, with coppice prune");
    }
    Slices.copy(copied, execution);
    writeHeader();
    model.verify();
    target.commit(List.of());
    execution.progress().end();
    return List.copyOf(done);
  }

  private void checkGlobs() {
    for (String glob : request.include()) {
      Glob matcher = Glob.of(glob);
      if (model.tensors().stream().noneMatch(tensor -> matcher.matches(tensor.name()))) {
        throw new InvalidPlanException("glob \"" + glob + "\" matches no tensor of the model");
      }
    }
  }

  private void keepHeader(Shard shard) {
    long bytes = shard.header().end() - HeaderReader.LENGTH_BYTES;
    entry(SparseEntry.HEADER, "U8", Shape.of(bytes), bytes);
    copy(shard.file(), HeaderReader.LENGTH_BYTES, bytes);
  }

  private void add(StoredTensor stored) throws IOException {
    CheckpointTensor tensor = stored.tensor();
    Optional<String> reason = excluded(tensor);
    if (reason.isEmpty()) {
      reason = compress(stored);
    }
    if (reason.isPresent()) {
      entry(tensor.name(), tensor.type(), tensor.shape(), tensor.bytes());
      copy(stored.file(), stored.offset(), tensor.bytes());
      done.add(
          new Compression.Stored(tensor, Format.DENSE, tensor.bytes(), tensor.bytes(), reason));
    }
  }

  /** Says why a tensor is not even looked at. */
  private Optional<String> excluded(CheckpointTensor tensor) {
    if (tensor.dtype().isEmpty()) {
      return Optional.of("dtype " + tensor.type() + " is not compressed");
    }
    if (tensor.shape().rank() < 2) {
      return Optional.of("rank " + tensor.shape().rank() + " is below 2");
    }
    if (!include.isEmpty() && include.stream().noneMatch(glob -> glob.matches(tensor.name()))) {
      return Optional.of("not included");
    }
    return SparseEntry.whyNot(tensor.dtype().get(), tensor.shape());
  }

  /** Writes a tensor compressed, or says why not. */
  private Optional<String> compress(StoredTensor stored) throws IOException {
    CheckpointTensor tensor = stored.tensor();
    DType dtype = tensor.dtype().orElseThrow();
    Tensor matrix =
        Tensor.of(dtype, read(stored), tensor.shape().dimension(0), tensor.shape().after(0));
    Map<Format, Long> sizes = LinearWeights.sizes(matrix);
    Format least =
        sizes.entrySet().stream()
            .filter(size -> mayBe(size.getKey()))
            .min(Comparator.comparing(size -> size.getValue() + room.of(tensor, size.getKey())))
            .orElseThrow()
            .getKey();
    if (least == Format.DENSE) {
      execution.progress().expect(tensor.bytes()); // It is read again when it is copied.
      boolean holds = request.format().map(sizes::containsKey).orElse(true);
      return Optional.of(holds ? "it would not get smaller" : "it does not keep to 2:4");
    }
    LinearWeights weights = LinearWeights.compress(least, matrix);
    for (Part part : weights.parts()) {
      long begin = end;
      String name = SparseEntry.partName(tensor.name(), part.name());
      requireFree(name);
      entry(name, part.type(), part.shape(), part.data().capacity());
      Slices.write(part.data(), target.main(), begin, execution);
    }
    metadata.put(
        SparseEntry.KEY + tensor.name(), new SparseEntry(least, dtype, tensor.shape()).toString());
    done.add(
        new Compression.Stored(tensor, least, tensor.bytes(), weights.bytes(), Optional.empty()));
    return Optional.empty();
  }

  private boolean mayBe(Format format) {
    return format == Format.DENSE || request.format().map(only -> only == format).orElse(true);
  }

  private ByteBuffer read(StoredTensor stored) throws IOException {
    int bytes = (int) stored.tensor().bytes();
    if (buffer.capacity() < bytes) {
      buffer = ByteBuffer.allocateDirect(0); // Lets go of the old one first.
      buffer = ByteBuffer.allocateDirect(bytes);
    }
    ByteBuffer whole = buffer.slice(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
    Slices.read(stored, whole, execution);
    return whole;
  }

  private void requireFree(String name) {
    if (model.find(name).isPresent()) {
      throw CheckpointFormatException.in(
          Code.DUPLICATE_KEY,
          model.path(),
          name,
          -1,
          "has the name that a part of the compressed model would get");
    }
  }

  private void copy(InputFile file, long from, long bytes) {
    CopiedRange.split(file, from, target.main(), end - bytes, bytes, copied);
  }

  /** Adds a tensor behind those that there are. */
  private void entry(String name, String type, Shape shape, long bytes) {
    entries.add(new Entry(name, type, shape, end, end + bytes));
    end += bytes;
  }

  private void writeHeader() throws IOException {
    if (entries.size() > HeaderReader.MOST_TENSORS
        || metadata.size() > HeaderReader.MOST_METADATA) {
      throw CheckpointFormatException.of(
          Code.LIMIT,
          model.path(),
          "has so many tensors that no reader would take it compressed; compress less, with --include");
    }
    HeaderText text = new HeaderText(metadata);
    long start = room.dataStart();
    for (Entry entry : entries) {
      text.add(entry.name, entry.type, entry.shape, entry.begin - start, entry.end - start);
    }
    target.main().write(0, text.bytes(start));
  }
}
