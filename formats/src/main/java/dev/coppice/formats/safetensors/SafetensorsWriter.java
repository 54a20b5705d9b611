package dev.coppice.formats.safetensors;

import dev.coppice.formats.files.CopiedRange;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.OutputFile;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A copy in which every byte stands where it stood: headers are copied as they are, and only the
 * data of changed tensors are written.
 */
final class SafetensorsWriter implements CheckpointWriter {
  private final SafetensorsCheckpoint source;
  private final Set<String> changed;
  private final ModelOutput output;
  private final Map<InputFile, OutputFile> copies = new HashMap<>();
  private final List<Piece> rest = new ArrayList<>();

  private SafetensorsWriter(SafetensorsCheckpoint source, Set<String> changed, ModelOutput output) {
    this.source = source;
    this.changed = changed;
    this.output = output;
  }

  static SafetensorsWriter begin(
      SafetensorsCheckpoint source, Path target, Set<String> changed, boolean overwrite)
      throws IOException {
    ModelOutput output = ModelOutput.begin(source, target, overwrite);
    SafetensorsWriter writer = new SafetensorsWriter(source, changed, output);
    try {
      for (Shard shard : source.shards()) {
        writer.add(shard);
      }
      return writer;
    } catch (IOException | RuntimeException e) {
      writer.close();
      throw e;
    }
  }

  private void add(Shard shard) throws IOException {
    InputFile input = shard.file();
    OutputFile copy = output.shard(shard);
    copies.put(input, copy);
    long kept = 0;
    for (StoredTensor tensor : shard.tensors()) {
      if (changed.contains(tensor.tensor().name())) {
        CopiedRange.split(input, kept, copy, kept, tensor.offset() - kept, rest);
        kept = tensor.end();
      }
    }
    CopiedRange.split(input, kept, copy, kept, input.size() - kept, rest);
  }

  @Override
  public void write(CheckpointTensor tensor, long first, ByteBuffer from) throws IOException {
    if (!changed.contains(tensor.name())) {
      throw new IllegalArgumentException(tensor.name() + " is not among those that change");
    }
    StoredTensor stored = source.stored(tensor);
    OutputFile copy = copies.get(stored.file());
    if (copy == null) {
      throw new IllegalStateException("no copy of " + stored.file());
    }
    copy.write(stored.position(first, from.remaining()), from);
  }

  @Override
  public List<Piece> rest() {
    return List.copyOf(rest);
  }

  @Override
  public void commit() throws IOException {
    source.verify();
    output.commit();
  }

  @Override
  public void close() {
    output.close();
  }
}
