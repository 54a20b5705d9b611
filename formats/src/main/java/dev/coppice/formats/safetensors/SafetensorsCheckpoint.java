package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.Links;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The tensors of one file, or of the shards of an index; all files are open until it is closed. */
final class SafetensorsCheckpoint implements Checkpoint {
  private static final int MOST_SHARDS = 10_000;

  private final Path path;
  private final Path model;
  private final List<InputFile> files = new ArrayList<>();
  private final List<Shard> shards = new ArrayList<>();
  private final Map<String, StoredTensor> byName = new HashMap<>();
  private final List<CheckpointTensor> tensors = new ArrayList<>();
  private @Nullable ShardIndex index;

  private SafetensorsCheckpoint(Path path, Path model) {
    this.path = path;
    this.model = model;
  }

  /**
   * Opens the file or index {@code model}, which the user named or which is in the folder {@code
   * path}.
   */
  static SafetensorsCheckpoint open(Path path, Path model) throws IOException {
    SafetensorsCheckpoint checkpoint = new SafetensorsCheckpoint(path, model);
    try {
      checkpoint.openModel();
      return checkpoint;
    } catch (IOException | RuntimeException e) {
      checkpoint.close();
      throw e;
    }
  }

  private void openModel() throws IOException {
    String name = model.getFileName().toString();
    InputFile file =
        isFolder() ? InputFile.open(model, name, Links.WITHIN_MODEL) : InputFile.open(model);
    files.add(file);
    if (name.endsWith(SafetensorsFormat.INDEX)) {
      index = ShardIndex.read(file);
      openShards(index);
    } else {
      add(name, file);
    }
  }

  private void openShards(ShardIndex index) throws IOException {
    Set<String> names = index.shards();
    if (names.size() > MOST_SHARDS) {
      throw CheckpointFormatException.of(
          Code.LIMIT, model, "names more than " + MOST_SHARDS + " shards");
    }
    for (String name : names) {
      files.add(openShard(name));
    }
    int at = 1; // After the index.
    for (String name : names) {
      add(name, files.get(at++));
    }
    index.checkComplete(byName.keySet());
  }

  private InputFile openShard(String name) throws IOException {
    try {
      return InputFile.open(model, name, Links.WITHIN_MODEL);
    } catch (NoSuchFileException e) {
      throw CheckpointFormatException.of(
          Code.INDEX, model, "names the shard \"" + name + "\", which is missing");
    }
  }

  private void add(String name, InputFile file) throws IOException {
    Shard shard = new Shard(name, file, HeaderReader.read(file));
    shards.add(shard);
    for (StoredTensor tensor : shard.tensors()) {
      if (index != null) {
        index.check(name, tensor);
      }
      byName.put(tensor.tensor().name(), tensor);
      tensors.add(tensor.tensor());
    }
  }

  /** Says whether the user named a folder, and so the output is one. */
  boolean isFolder() {
    return !path.equals(model);
  }

  Path model() {
    return model;
  }

  List<Shard> shards() {
    return shards;
  }

  /**
   * Gives the metadata of all shards.
   *
   * @throws CheckpointFormatException if shards contradict each other
   */
  Map<String, String> metadata() {
    Map<String, String> all = new LinkedHashMap<>();
    for (Shard shard : shards) {
      shard
          .header()
          .metadata()
          .forEach(
              (key, value) -> {
                if (!all.merge(key, value, (before, same) -> before).equals(value)) {
                  throw CheckpointFormatException.of(
                      Code.METADATA, path, "the shards do not agree on \"" + key + "\"");
                }
              });
    }
    return all;
  }

  /** Says whether any of its tensors is stored compressed. */
  boolean isCompressed() {
    return shards.stream()
        .flatMap(shard -> shard.header().metadata().keySet().stream())
        .anyMatch(key -> key.startsWith(SparseEntry.KEY));
  }

  Optional<StoredTensor> find(String name) {
    return Optional.ofNullable(byName.get(name));
  }

  @Nullable ShardIndex index() {
    return index;
  }

  @Override
  public List<Path> inputs() {
    List<Path> inputs = new ArrayList<>(List.of(path));
    files.forEach(file -> inputs.add(file.path()));
    return inputs;
  }

  StoredTensor stored(CheckpointTensor tensor) {
    StoredTensor stored = byName.get(tensor.name());
    if (stored == null || !stored.tensor().equals(tensor)) {
      throw new IllegalArgumentException(path + " has no such tensor: " + tensor.name());
    }
    return stored;
  }

  @Override
  public Path path() {
    return path;
  }

  @Override
  public String format() {
    return SafetensorsFormat.NAME;
  }

  @Override
  public List<CheckpointTensor> tensors() {
    return List.copyOf(tensors);
  }

  @Override
  public long bytes() {
    return files.stream().mapToLong(InputFile::size).sum();
  }

  @Override
  public void read(CheckpointTensor tensor, long first, ByteBuffer into) throws IOException {
    StoredTensor stored = stored(tensor);
    stored.file().read(stored.position(first, into.remaining()), into);
  }

  @Override
  public void readBytes(CheckpointTensor tensor, long firstByte, ByteBuffer into)
      throws IOException {
    Objects.checkFromIndexSize(firstByte, into.remaining(), tensor.bytes());
    StoredTensor stored = stored(tensor);
    stored.file().read(stored.offset() + firstByte, into);
  }

  @Override
  public CheckpointWriter rewrite(Path target, Set<String> changed, boolean overwrite)
      throws IOException {
    for (String name : changed) {
      StoredTensor tensor = byName.get(name);
      if (tensor == null || tensor.tensor().dtype().isEmpty()) {
        throw new IllegalArgumentException(path + " has no tensor that can change: " + name);
      }
    }
    return SafetensorsWriter.begin(this, target, Set.copyOf(changed), overwrite);
  }

  /** Checks that no file has changed since it was opened. */
  void verify() throws IOException {
    for (InputFile file : files) {
      file.verify();
    }
  }

  @Override
  public void close() {
    files.forEach(InputFile::close);
  }
}
