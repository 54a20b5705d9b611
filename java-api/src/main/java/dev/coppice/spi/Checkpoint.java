package dev.coppice.spi;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/**
 * A model on disk: named tensors, readable in slices. Opening it checks all of its structure and
 * reads none of its data. Safe for use by several threads; inputs are never written to.
 */
public interface Checkpoint extends AutoCloseable {
  /** Gives the file, index or folder that was opened. */
  Path path();

  /** Gives the format's name: {@code safetensors}, {@code onnx}. */
  String format();

  /** Gives all tensors, in the order of the files; names are unique. */
  List<CheckpointTensor> tensors();

  /** Gives {@link #path()} and all files that belong to the model: no output may replace them. */
  List<Path> inputs();

  /** Gives the size of all files that belong to the model, in bytes. */
  long bytes();

  /**
   * Fills {@code into}, from its position to its limit, with elements of {@code tensor} from {@code
   * first} on; only for tensors that have a {@link CheckpointTensor#dtype()}.
   *
   * @throws dev.coppice.CheckpointFormatException with FILE_CHANGED if the file is not as it was
   *     when it was opened
   */
  void read(CheckpointTensor tensor, long first, ByteBuffer into) throws IOException;

  /**
   * Fills {@code into}, from its position to its limit, with the bytes of {@code tensor}'s data
   * from {@code firstByte} on, of whatever type: the {@link CheckpointTensor#bytes()} that the file
   * has for it, as they are. So tensors that are not pruned can be compared.
   *
   * @throws dev.coppice.CheckpointFormatException with FILE_CHANGED if the file is not as it was
   *     when it was opened
   */
  default void readBytes(CheckpointTensor tensor, long firstByte, ByteBuffer into)
      throws IOException {
    throw new UnsupportedOperationException(format() + " gives no bytes of " + tensor.type());
  }

  /**
   * Begins a copy of the model at {@code target} in which the tensors of {@code changed} are
   * written anew.
   *
   * @param target what the copy is called: a file, or a folder if {@link #path()} is one
   * @param changed names of the tensors that will be written whole; everything else is copied
   * @param overwrite whether an existing target is replaced
   * @throws java.nio.file.FileAlreadyExistsException if the target exists and may not be replaced
   */
  CheckpointWriter rewrite(Path target, Set<String> changed, boolean overwrite) throws IOException;

  @Override
  void close();
}
