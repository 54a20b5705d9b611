package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.sparse.PartLayout;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The tensors that a model had before some were compressed, and the parts of these; checked, but
 * for what the parts hold.
 */
final class SparseTensors {
  /** A part, by its name within its format, and where it lies. */
  record StoredPart(String name, StoredTensor stored) {}

  private final SafetensorsCheckpoint model;
  private final Map<String, SparseEntry> entries = new HashMap<>();
  private final Map<String, List<StoredPart>> parts = new HashMap<>();
  private final Map<String, String> owners = new HashMap<>();
  private final Map<String, CheckpointTensor> tensors = new LinkedHashMap<>();
  private final Optional<StoredTensor> header;

  private SparseTensors(SafetensorsCheckpoint model) {
    this.model = model;
    this.header = model.find(SparseEntry.HEADER);
  }

  static SparseTensors of(SafetensorsCheckpoint model) throws IOException {
    SparseTensors sparse = new SparseTensors(model);
    model
        .metadata()
        .forEach(
            (key, value) -> {
              if (key.startsWith(SparseEntry.KEY)) {
                sparse.add(key.substring(SparseEntry.KEY.length()), value);
              }
            });
    sparse.collect();
    if (sparse.header.isPresent()) {
      sparse.orderBy(sparse.header.get());
    }
    return sparse;
  }

  private void add(String name, String value) {
    if (model.find(name).isPresent()) {
      throw refused(name, "is stored compressed and as it is");
    }
    try {
      SparseEntry entry = SparseEntry.parse(value);
      entries.put(name, entry);
      List<StoredPart> found = new ArrayList<>();
      for (PartLayout part : entry.layout()) {
        found.add(find(name, part));
      }
      parts.put(name, found);
    } catch (IllegalArgumentException e) {
      throw refused(name, String.valueOf(e.getMessage()));
    }
  }

  private StoredPart find(String tensor, PartLayout part) {
    String name = SparseEntry.partName(tensor, part.name());
    StoredTensor found =
        model.find(name).orElseThrow(() -> refused(tensor, "its " + part.name() + " are missing"));
    CheckpointTensor described = found.tensor();
    if (!part.allows(described.type(), described.shape())) {
      throw CheckpointFormatException.in(
          Code.SPARSE,
          found.file().path(),
          tensor,
          found.offset(),
          "its %s must be %s, not %s %s"
              .formatted(part.name(), part, described.type(), described.shape()));
    }
    owners.put(name, tensor);
    return new StoredPart(part.name(), found);
  }

  /** Puts compressed tensors where the first of their parts stands. */
  private void collect() {
    for (CheckpointTensor tensor : model.tensors()) {
      String owner = owners.get(tensor.name());
      if (owner != null) {
        tensors.computeIfAbsent(owner, this::describe);
      } else if (!tensor.name().equals(SparseEntry.HEADER)) {
        tensors.put(tensor.name(), tensor);
      }
    }
  }

  private CheckpointTensor describe(String name) {
    SparseEntry entry = entries.get(name);
    if (entry == null) {
      throw new IllegalStateException(name);
    }
    ElementType type = ElementType.valueOf(entry.dtype().name());
    long bytes = parts(name).stream().mapToLong(part -> part.stored().tensor().bytes()).sum();
    return new CheckpointTensor(
        name,
        "",
        type.name(),
        type.dtype(),
        entry.shape(),
        bytes,
        TensorFields.role(type, entry.shape().rank()));
  }

  /** Puts all tensors into the order of the header that was kept, which must be theirs. */
  private void orderBy(StoredTensor kept) throws IOException {
    if (!kept.tensor().type().equals("U8")
        || kept.tensor().shape().rank() != 1
        || kept.tensor().bytes() > HeaderReader.LARGEST_HEADER) {
      throw refused(
          SparseEntry.HEADER,
          "must be U8 [*], of %d bytes at most".formatted(HeaderReader.LARGEST_HEADER));
    }
    Header before = HeaderReader.read(kept.file(), kept.offset(), kept.tensor().bytes());
    Map<String, CheckpointTensor> ordered = new LinkedHashMap<>();
    for (StoredTensor tensor : before.tensors()) {
      String name = tensor.tensor().name();
      CheckpointTensor now = tensors.get(name);
      if (now == null
          || !now.type().equals(tensor.tensor().type())
          || !now.shape().equals(tensor.tensor().shape())) {
        throw refused(name, "is not what the header says that was kept");
      }
      ordered.put(name, now);
    }
    for (String name : tensors.keySet()) {
      if (!ordered.containsKey(name)) {
        throw refused(name, "is not in the header that was kept");
      }
    }
    if (before.metadata().keySet().stream().anyMatch(key -> key.startsWith(SparseEntry.KEY))) {
      throw refused(SparseEntry.HEADER, "is that of a model that was compressed already");
    }
    tensors.clear();
    tensors.putAll(ordered);
  }

  private CheckpointFormatException refused(String tensor, String why) {
    return CheckpointFormatException.in(Code.SPARSE, model.model(), tensor, -1, why);
  }

  List<CheckpointTensor> tensors() {
    return List.copyOf(tensors.values());
  }

  Optional<SparseEntry> entry(String name) {
    return Optional.ofNullable(entries.get(name));
  }

  List<StoredPart> parts(String name) {
    return parts.getOrDefault(name, List.of());
  }

  Optional<StoredTensor> header() {
    return header;
  }
}
