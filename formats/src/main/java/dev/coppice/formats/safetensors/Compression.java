package dev.coppice.formats.safetensors;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Glob;
import dev.coppice.InvalidPlanException;
import dev.coppice.sparse.Format;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.Execution;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Writes checkpoints whose weights are stored compressed, and the other way (docs/compressed.md).
 * Both copy what they do not change; the output appears whole or not at all.
 */
public final class Compression {
  private Compression() {}

  /**
   * What is compressed, and how.
   *
   * @param format the one that is used; nothing: for each tensor the one that takes least
   * @param include globs on whole names; none: all tensors
   */
  public record Request(Optional<Format> format, List<String> include) {
    /** Copies the globs, and refuses what is none, and a format that compresses nothing. */
    public Request {
      include = List.copyOf(include);
      include.forEach(Glob::of);
      if (format.equals(Optional.of(Format.DENSE))) {
        throw new InvalidPlanException("dense compresses nothing: name 2:4, bitmap or csr");
      }
    }
  }

  /**
   * What became of a tensor.
   *
   * @param format how it is stored; dense if it was copied
   * @param before the bytes of its data
   * @param after the bytes of its data, or of its parts
   * @param reason why it was copied; nothing if it was compressed
   */
  public record Stored(
      CheckpointTensor tensor, Format format, long before, long after, Optional<String> reason) {}

  /**
   * Writes a compressed copy of a model as one file. A tensor is compressed where that makes the
   * file smaller. Memory for one tensor, as it is and compressed, is needed at a time.
   *
   * @param model safetensors, as {@link dev.coppice.formats.Checkpoints#open} gives it
   * @param overwrite whether an existing file is replaced; never a file of the model
   * @return all tensors, in the model's order
   * @throws CheckpointFormatException with UNSUPPORTED if the model is of another format or
   *     compressed already, or if it does not get smaller
   * @throws InvalidPlanException if a glob matches nothing
   * @throws java.nio.file.FileAlreadyExistsException if the target exists and may not be replaced
   */
  public static List<Stored> compress(
      Checkpoint model, Request request, Path target, boolean overwrite, Execution execution)
      throws IOException {
    if (model instanceof CompressedCheckpoint) {
      throw CheckpointFormatException.of(Code.UNSUPPORTED, model.path(), "is compressed already");
    }
    if (!(model instanceof SafetensorsCheckpoint safetensors)) {
      throw CheckpointFormatException.of(
          Code.UNSUPPORTED,
          model.path(),
          "is %s, and its runtime could not read compressed weights; for ONNX there is coppice sparsify"
              .formatted(model.format()));
    }
    return CompressedOutput.write(safetensors, request, target, overwrite, execution);
  }

  /**
   * Writes the model that was compressed: the same file, byte for byte, if it was one file and its
   * header was kept; otherwise one file with the same tensors.
   *
   * @param overwrite whether an existing file is replaced; never a file of the model
   * @return the bytes of the file
   * @throws CheckpointFormatException with SPARSE if the parts of a tensor are not what its format
   *     demands
   * @throws java.nio.file.FileAlreadyExistsException if the target exists and may not be replaced
   */
  public static long decompress(
      CompressedCheckpoint model, Path target, boolean overwrite, Execution execution)
      throws IOException {
    return DenseOutput.write(model, target, overwrite, execution);
  }
}
