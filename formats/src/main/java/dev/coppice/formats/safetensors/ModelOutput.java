package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.formats.files.Companions;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.formats.files.FolderTarget;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.files.Links;
import dev.coppice.formats.files.OutputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The files of a copy of a model, in the same arrangement as the model's own. */
interface ModelOutput extends AutoCloseable {
  /** Adds the copy of a shard; called once for each. */
  OutputFile shard(Shard shard) throws IOException;

  void commit() throws IOException;

  @Override
  void close();

  static ModelOutput begin(SafetensorsCheckpoint source, Path target, boolean overwrite)
      throws IOException {
    if (source.isFolder()) {
      return new Folder(source, target, overwrite);
    }
    ShardIndex index = source.index();
    return index == null
        ? new SingleFile(FileTarget.begin(target, overwrite, source.inputs()))
        : new Sharded(source, index, target, overwrite);
  }

  /** One file. */
  record SingleFile(FileTarget target) implements ModelOutput {
    @Override
    public OutputFile shard(Shard shard) {
      return target.main();
    }

    @Override
    public void commit() throws IOException {
      target.commit(List.of());
    }

    @Override
    public void close() {
      target.close();
    }
  }

  /** An index, and beside it the shards under new names. */
  final class Sharded implements ModelOutput {
    private final ShardIndex index;
    private final FileTarget target;
    private final Set<String> superseded;
    private final Map<String, String> newNames = new HashMap<>();

    Sharded(SafetensorsCheckpoint source, ShardIndex index, Path target, boolean overwrite)
        throws IOException {
      if (!target.toString().endsWith(SafetensorsFormat.INDEX)) {
        throw new IllegalArgumentException(
            "the output of a sharded model must be named *"
                + SafetensorsFormat.INDEX
                + ", not "
                + target);
      }
      this.index = index;
      this.target = FileTarget.begin(target, overwrite, source.inputs());
      this.superseded = shardsOf(target);
    }

    private static Set<String> shardsOf(Path replaced) {
      if (!Files.exists(replaced)) {
        return Set.of();
      }
      try (InputFile file = InputFile.open(replaced)) {
        return ShardIndex.read(file).shards();
      } catch (IOException | CheckpointFormatException e) {
        return Set.of(); // Not an index: then nothing hangs on it.
      }
    }

    @Override
    public OutputFile shard(Shard shard) throws IOException {
      OutputFile file = target.data(shard.name().replace('/', '-'));
      newNames.put(shard.name(), file.name());
      return file;
    }

    @Override
    public void commit() throws IOException {
      index.copyTo(target.main(), newNames);
      target.commit(superseded);
    }

    @Override
    public void close() {
      target.close();
    }
  }

  /** A folder with the same names in it, and the configuration that lies there. */
  final class Folder implements ModelOutput {
    private final Path model;
    private final @Nullable ShardIndex index;
    private final List<Path> companions;
    private final FolderTarget target;

    Folder(SafetensorsCheckpoint source, Path target, boolean overwrite) throws IOException {
      this.model = source.model();
      this.index = source.index();
      Path without = target.toAbsolutePath().normalize();
      this.companions = new ArrayList<>(Companions.of(source.path(), without));
      source.shards().forEach(shard -> companions.remove(Path.of(shard.name()).normalize()));
      for (Path companion : companions) {
        companion(companion).close(); // Refused now rather than after the work.
      }
      this.target = FolderTarget.begin(target, overwrite, source.inputs());
    }

    private InputFile companion(Path relative) throws IOException {
      return InputFile.open(model, relative.toString(), Links.WITHIN_MODEL);
    }

    @Override
    public OutputFile shard(Shard shard) throws IOException {
      return target.file(Path.of(shard.name()));
    }

    @Override
    public void commit() throws IOException {
      if (index != null) {
        target.copy(index.file(), model.getFileName());
      }
      for (Path companion : companions) {
        try (InputFile file = companion(companion)) {
          target.copy(file, companion);
        }
      }
      target.commit();
    }

    @Override
    public void close() {
      target.close();
    }
  }
}
