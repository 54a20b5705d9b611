package dev.coppice.cli;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.Checkpoints;
import dev.coppice.formats.safetensors.CompressedCheckpoint;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Opens what the user named as input, and says it where that cannot be read. */
final class Models {
  @FunctionalInterface
  interface Opening<T> {
    T open(Path path) throws IOException;
  }

  private Models() {}

  /**
   * Opens a model whose weights are read and written as they are.
   *
   * @throws CheckpointFormatException with UNSUPPORTED if it is stored compressed
   */
  static Checkpoint open(Path model) throws IOException {
    Checkpoint checkpoint = openStored(model);
    if (checkpoint instanceof CompressedCheckpoint) {
      checkpoint.close();
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED, model, "is compressed; decompress it first, with coppice decompress");
    }
    return checkpoint;
  }

  /** Opens a model, compressed or not. */
  static Checkpoint openStored(Path model) throws IOException {
    return input(model, Checkpoints::open);
  }

  static <T> T input(Path path, Opening<T> opening) throws IOException {
    try {
      return opening.open(path);
    } catch (NoSuchFileException e) {
      throw new Failure.Refusal(
          ExitStatus.NO_INPUT, e.getFile() + ": there is no such file or folder", e);
    } catch (AccessDeniedException e) {
      throw new Failure.Refusal(ExitStatus.NO_INPUT, e.getFile() + ": it may not be read", e);
    } catch (IOException e) {
      throw new Failure.Refusal(
          ExitStatus.NO_INPUT, path + ": it cannot be read: " + e.getMessage(), e);
    }
  }
}
