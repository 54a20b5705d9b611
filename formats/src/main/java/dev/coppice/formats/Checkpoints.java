package dev.coppice.formats;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ServiceLoader;

/** Finds the format of a model. */
public final class Checkpoints {
  private Checkpoints() {}

  /**
   * Opens a file, an index or a folder with the first format that accepts it.
   *
   * @throws NoSuchFileException if there is nothing at {@code path}
   * @throws CheckpointFormatException with UNSUPPORTED if it is of no format that is read; the
   *     message says what to convert it with, where it is known
   */
  public static Checkpoint open(Path path) throws IOException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file or folder");
    }
    for (CheckpointFormat format :
        ServiceLoader.load(CheckpointFormat.class, Checkpoints.class.getClassLoader())) {
      if (format.accepts(path)) {
        return format.open(path);
      }
    }
    throw CheckpointFormatException.of(
        Code.UNSUPPORTED,
        path,
        ForeignFormat.advice(path)
            .orElse(
                "is not a safetensors file or index, an ONNX model, or a folder with one of them"));
  }
}
