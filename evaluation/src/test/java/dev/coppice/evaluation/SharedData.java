package dev.coppice.evaluation;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;

/** Data for measuring that may lie beside the repository and is no part of it. */
final class SharedData {
  private SharedData() {}

  /** Gives a folder of it; skips the test where it is absent. */
  static Path folder(String name) {
    Path folder = Path.of("../../shared/data", name);
    assumeTrue(Files.isDirectory(folder), "no ../shared/data/" + name + " beside the repository");
    return folder;
  }
}
