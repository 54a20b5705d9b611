package dev.coppice.formats.safetensors;

import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Safetensors: a {@code .safetensors} file, an index of shards ({@code .safetensors.index.json}),
 * or a folder with one of them.
 *
 * <p>A checkpoint with compressed tensors is opened as a {@link CompressedCheckpoint}.
 *
 * <p>In a folder, {@code model.safetensors.index.json} is preferred, then another index if it is
 * the only one, then {@code model.safetensors}, then another file if it is the only one.
 */
public final class SafetensorsFormat implements CheckpointFormat {
  static final String NAME = "safetensors";
  static final String FILE = ".safetensors";
  static final String INDEX = ".safetensors.index.json";

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean accepts(Path path) {
    String name = String.valueOf(path.getFileName());
    if (Files.isDirectory(path)) {
      return ModelFolder.holdsModel(path);
    }
    return name.endsWith(FILE)
        || name.endsWith(INDEX)
        || (Files.isRegularFile(path) && beginsLikeHeader(path));
  }

  /** A file of another name, such as a blob of a hub cache: a length and then an object. */
  private static boolean beginsLikeHeader(Path path) {
    try (InputStream in = Files.newInputStream(path)) {
      byte[] bytes = in.readNBytes(9);
      return bytes.length == 9
          && ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong() >>> 32 == 0
          && bytes[8] == '{';
    } catch (IOException e) {
      return false;
    }
  }

  @Override
  public Checkpoint open(Path path) throws IOException {
    SafetensorsCheckpoint stored = openStored(path);
    return stored.isCompressed() ? CompressedCheckpoint.of(stored) : stored;
  }

  /** Opens what is stored, whatever it means. */
  static SafetensorsCheckpoint openStored(Path path) throws IOException {
    return SafetensorsCheckpoint.open(
        path, Files.isDirectory(path) ? ModelFolder.model(path) : path);
  }
}
