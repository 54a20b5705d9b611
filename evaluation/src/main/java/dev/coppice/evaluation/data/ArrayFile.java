package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** A file with named arrays. */
interface ArrayFile extends AutoCloseable {
  Path path();

  /**
   * Finds an array and checks what is said of it.
   *
   * @throws CheckpointFormatException if it is damaged, or of a kind that is not read
   */
  Optional<? extends StoredArray> find(String name) throws IOException;

  @Override
  void close();

  default CheckpointFormatException refused(Code code, String array, String why) {
    return CheckpointFormatException.in(code, path(), array, -1, why);
  }
}
