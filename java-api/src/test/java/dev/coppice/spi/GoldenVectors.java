package dev.coppice.spi;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;

/** Reads what src/test/python/make_golden_vectors.py wrote. */
public final class GoldenVectors {
  private GoldenVectors() {}

  /** Gives the rows of a file, each as its columns. */
  public static List<List<String>> read(String file) {
    try (InputStream in = GoldenVectors.class.getResourceAsStream("/dev/coppice/golden/" + file)) {
      String text =
          new String(Objects.requireNonNull(in, file).readAllBytes(), StandardCharsets.UTF_8);
      return text.lines()
          .filter(line -> !line.startsWith("#"))
          .map(line -> List.of(line.split("\t", -1)))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
