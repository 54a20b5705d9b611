package dev.coppice.formats.safetensors;

import dev.coppice.formats.files.InputFile;
import java.util.List;

/**
 * One file with tensors.
 *
 * @param name as the index gives it, or the file's own
 */
record Shard(String name, InputFile file, Header header) {
  /** Gives its tensors in the order of their data. */
  List<StoredTensor> tensors() {
    return header.tensors();
  }
}
