package dev.coppice.evaluation;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Files on the class path. */
final class Resources {
  private Resources() {}

  private static URL url(String name) throws IOException {
    URL url = Resources.class.getResource(name);
    if (url == null) {
      throw new FileNotFoundException("not on the class path: " + name);
    }
    return url;
  }

  static InputStream open(String name) throws IOException {
    return url(name).openStream();
  }

  /** Makes {@code target} a copy of the resource unless it is one already; appears whole. */
  static Path copy(String name, Path target) throws IOException {
    long size = url(name).openConnection().getContentLengthLong();
    if (Files.isRegularFile(target) && Files.size(target) == size) {
      return target;
    }
    Path folder = Files.createDirectories(target.toAbsolutePath().getParent());
    Path whole = Files.createTempFile(folder, ".coppice-", ".tmp");
    try (InputStream in = open(name)) {
      Files.copy(in, whole, StandardCopyOption.REPLACE_EXISTING);
      Files.move(whole, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(whole);
    }
    return target;
  }
}
