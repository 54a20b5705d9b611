package dev.coppice.formats.safetensors;

import java.util.List;
import java.util.Map;

/**
 * What the header of a file says.
 *
 * @param tensors in the order of their data
 * @param metadata in their order
 * @param end where the header ends and the data begin
 */
record Header(List<StoredTensor> tensors, Map<String, String> metadata, long end) {
  /** Gives where the data end. */
  long dataEnd() {
    return tensors.isEmpty() ? end : tensors.get(tensors.size() - 1).end();
  }
}
