package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.Part;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A model some of whose tensors are stored compressed (docs/compressed.md). {@link #weights} gives
 * such a tensor as it is stored; read as a checkpoint, the model has the tensors, names, shapes and
 * bits of the one that was compressed. Opening it checks everything but the contents of parts.
 */
public final class CompressedCheckpoint implements Checkpoint {
  private record Loaded(String name, LinearWeights weights) {}

  private final SafetensorsCheckpoint stored;
  private final SparseTensors sparse;
  private @Nullable Loaded last;

  private CompressedCheckpoint(SafetensorsCheckpoint stored, SparseTensors sparse) {
    this.stored = stored;
    this.sparse = sparse;
  }

  /** Takes over a checkpoint that has compressed tensors, or closes it. */
  static CompressedCheckpoint of(SafetensorsCheckpoint stored) throws IOException {
    try {
      return new CompressedCheckpoint(stored, SparseTensors.of(stored));
    } catch (IOException | RuntimeException e) {
      stored.close();
      throw e;
    }
  }

  /**
   * Opens a file, an index or a folder.
   *
   * @throws CheckpointFormatException with SPARSE if a compressed tensor is not what its format
   *     demands, with UNSUPPORTED if there is none
   */
  public static CompressedCheckpoint open(Path path) throws IOException {
    if (Files.isRegularFile(path) && !new SafetensorsFormat().accepts(path)) {
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED, path, "is no compressed checkpoint: those are safetensors files");
    }
    SafetensorsCheckpoint stored = SafetensorsFormat.openStored(path);
    if (!stored.isCompressed()) {
      stored.close();
      throw CheckpointFormatException.of(Code.UNSUPPORTED, path, "has no compressed tensors");
    }
    return of(stored);
  }

  /** Gives the names of the tensors that are stored compressed, in the model's order. */
  public List<String> names() {
    return sparse.tensors().stream()
        .map(CheckpointTensor::name)
        .filter(name -> sparse.entry(name).isPresent())
        .toList();
  }

  /** Gives how a tensor is stored: {@link Format#DENSE} unless it is compressed. */
  public Format stored(String name) {
    return sparse.entry(name).map(SparseEntry::format).orElse(Format.DENSE);
  }

  /**
   * Reads a tensor of rank 2 or more as it is stored, its first dimension by all others, into new
   * direct memory.
   *
   * @throws CheckpointFormatException with SPARSE if its parts are not what its format demands
   * @throws IllegalArgumentException if there is no such tensor, or it is none that a linear layer
   *     could have
   */
  public LinearWeights weights(String name) throws IOException {
    Optional<SparseEntry> entry = sparse.entry(name);
    return entry.isPresent() ? compressed(name, entry.get()) : dense(name);
  }

  private LinearWeights compressed(String name, SparseEntry entry) throws IOException {
    List<SparseTensors.StoredPart> stored = sparse.parts(name);
    Map<String, ByteBuffer> parts = new HashMap<>();
    try {
      for (SparseTensors.StoredPart part : stored) {
        parts.put(part.name(), read(part.stored()));
      }
      return LinearWeights.of(entry.format(), entry.dtype(), entry.out(), entry.in(), parts);
    } catch (IllegalArgumentException e) {
      StoredTensor first = stored.get(0).stored();
      throw CheckpointFormatException.in(
          Code.SPARSE, first.file().path(), name, first.offset(), String.valueOf(e.getMessage()));
    }
  }

  private LinearWeights dense(String name) throws IOException {
    StoredTensor tensor =
        stored
            .find(name)
            .orElseThrow(() -> new IllegalArgumentException(path() + " has no tensor " + name));
    CheckpointTensor described = tensor.tensor();
    if (described.dtype().isEmpty() || described.shape().rank() < 2) {
      throw new IllegalArgumentException(
          "%s, %s %s, holds no weights of a linear layer"
              .formatted(name, described.type(), described.shape()));
    }
    long out = described.shape().dimension(0);
    long in = described.shape().after(0);
    return LinearWeights.of(
        Format.DENSE, described.dtype().get(), out, in, Map.of("values", read(tensor)));
  }

  private static ByteBuffer read(StoredTensor tensor) throws IOException {
    ByteBuffer data = Part.allocate(tensor.tensor().name(), tensor.tensor().bytes());
    tensor.file().read(tensor.offset(), data);
    return data.clear();
  }

  SafetensorsCheckpoint stored() {
    return stored;
  }

  /** Gives the header that the model had before it was compressed, if that was kept. */
  Optional<StoredTensor> header() {
    return sparse.header();
  }

  @Override
  public Path path() {
    return stored.path();
  }

  @Override
  public String format() {
    return stored.format();
  }

  /** Gives the tensors of the model that was compressed; their bytes are those that are stored. */
  @Override
  public List<CheckpointTensor> tensors() {
    return sparse.tensors();
  }

  @Override
  public List<Path> inputs() {
    return stored.inputs();
  }

  @Override
  public long bytes() {
    return stored.bytes();
  }

  /** {@inheritDoc} One compressed tensor is kept in memory, the last that was read. */
  @Override
  public void read(CheckpointTensor tensor, long first, ByteBuffer into) throws IOException {
    Optional<SparseEntry> entry = sparse.entry(tensor.name());
    if (entry.isEmpty()) {
      stored.read(tensor, first, into);
      return;
    }
    int size = entry.get().dtype().bytes();
    if (first < 0
        || into.remaining() % size != 0
        || first > tensor.shape().elements() - into.remaining() / size) {
      throw new IndexOutOfBoundsException(
          "%d bytes from element %d of %s".formatted(into.remaining(), first, tensor.name()));
    }
    LinearWeights weights = kept(tensor.name());
    ByteBuffer row = ByteBuffer.allocate(entry.get().rowBytes()).order(ByteOrder.LITTLE_ENDIAN);
    long at = first * size;
    while (into.hasRemaining()) {
      weights.row(at / row.capacity(), row);
      int from = (int) (at % row.capacity());
      int count = Math.min(into.remaining(), row.capacity() - from);
      into.put(row.slice(from, count));
      at += count;
    }
  }

  private synchronized LinearWeights kept(String name) throws IOException {
    Loaded kept = last;
    if (kept == null || !kept.name.equals(name)) {
      last = null; // Two at once would be too many.
      kept = new Loaded(name, weights(name));
      last = kept;
    }
    return kept.weights;
  }

  /** {@inheritDoc} Of a compressed tensor those of its parts, one after the other. */
  @Override
  public void readBytes(CheckpointTensor tensor, long firstByte, ByteBuffer into)
      throws IOException {
    if (sparse.entry(tensor.name()).isEmpty()) {
      stored.readBytes(tensor, firstByte, into);
      return;
    }
    Objects.checkFromIndexSize(firstByte, into.remaining(), tensor.bytes());
    long skipped = firstByte;
    for (SparseTensors.StoredPart part : sparse.parts(tensor.name())) {
      long bytes = part.stored().tensor().bytes();
      int count = (int) Math.max(0, Math.min(into.remaining(), bytes - skipped));
      ByteBuffer piece = into.slice(into.position(), count);
      part.stored().file().read(part.stored().offset() + skipped, piece);
      into.position(into.position() + count);
      skipped = Math.max(0, skipped - bytes);
    }
  }

  /**
   * Refuses.
   *
   * @throws CheckpointFormatException with UNSUPPORTED, always
   */
  @Override
  public CheckpointWriter rewrite(Path target, Set<String> changed, boolean overwrite) {
    throw CheckpointFormatException.of(
        Code.UNSUPPORTED, path(), "is compressed; decompress it first, with coppice decompress");
  }

  @Override
  public synchronized void close() {
    last = null;
    stored.close();
  }
}
