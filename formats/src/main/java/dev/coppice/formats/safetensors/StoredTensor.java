package dev.coppice.formats.safetensors;

import dev.coppice.formats.files.InputFile;
import dev.coppice.spi.CheckpointTensor;

/**
 * A tensor and where its data lie.
 *
 * @param offset of its first byte in the file
 */
record StoredTensor(CheckpointTensor tensor, InputFile file, long offset) {
  long end() {
    return offset + tensor.bytes();
  }

  /** Gives where {@code bytes} bytes from the element {@code first} on stand in the file. */
  long position(long first, int bytes) {
    int size =
        tensor
            .dtype()
            .orElseThrow(() -> new IllegalArgumentException(tensor.name() + " has no weights"))
            .bytes();
    if (first < 0 || first > tensor.shape().elements() - bytes / size || bytes % size != 0) {
      throw new IndexOutOfBoundsException(
          bytes + " bytes from element " + first + " of " + tensor.name());
    }
    return offset + first * size;
  }
}
