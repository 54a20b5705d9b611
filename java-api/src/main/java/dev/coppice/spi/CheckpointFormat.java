package dev.coppice.spi;

import java.io.IOException;
import java.nio.file.Path;

/** Reads one kind of checkpoint; found with {@link java.util.ServiceLoader}. */
public interface CheckpointFormat {
  /** Gives the format's name. */
  String name();

  /**
   * Says whether the file or folder looks like this format, by its name and, at most, its first
   * bytes.
   */
  boolean accepts(Path path);

  /**
   * Opens and checks it.
   *
   * @throws dev.coppice.CheckpointFormatException if it must be refused
   */
  Checkpoint open(Path path) throws IOException;
}
