package dev.coppice.cli;

import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.Shrinker;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/** Where scores that were measured are kept, so that a search can be resumed. */
final class ScoreFiles {
  /** Images lie in a folder for each class. */
  private static final int CLASSES = 2;

  private ScoreFiles() {}

  /**
   * Gives the file for models, a request and data, by a digest of all that; nothing if there is no
   * cache folder. Files of data count by name, size and time of their last change.
   *
   * @param models the dense one, and the one that is made smaller
   * @param repairs what may add up the sums of repairs
   */
  static Optional<Path> of(
      List<Path> models, ShrinkRequest request, ShrinkDataOptions data, String repairs)
      throws IOException {
    String given = Objects.requireNonNullElse(System.getenv("XDG_CACHE_HOME"), "");
    Path cache =
        Path.of(given).isAbsolute()
            ? Path.of(given)
            : Path.of(System.getProperty("user.home", "")).resolve(".cache");
    return cache.isAbsolute()
        ? Optional.of(cache.resolve("coppice/scores").resolve(name(models, request, data, repairs)))
        : Optional.empty();
  }

  /** Gives what the file is called: another name wherever scores may be others. */
  static String name(
      List<Path> models, ShrinkRequest request, ShrinkDataOptions data, String repairs)
      throws IOException {
    MessageDigest digest = sha256();
    for (Path model : models) {
      digest.update(Shrinker.bytes(model));
    }
    add(
        digest,
        String.join(
            "\n",
            Coppice.version(),
            request.toString(),
            data.repair ? "repair " + repairs : "",
            data.samples + " " + data.evalSamples,
            String.valueOf(data.tokens),
            String.valueOf(data.calibration),
            String.valueOf(data.eval)));
    if (data.calibration != null) {
      addData(digest, data.calibration);
    }
    if (data.eval != null) {
      addData(digest, data.eval.substring(0, Math.max(0, data.eval.lastIndexOf(':'))));
    }
    return HexFormat.of().formatHex(digest.digest(), 0, 16);
  }

  /** Adds all files that the data may be read from. */
  private static void addData(MessageDigest digest, String data) throws IOException {
    addFile(digest, Path.of(data), CLASSES);
    // A file of texts names its tokenizer behind an @, which may be in a name as well.
    for (int at = data.indexOf('@'); at > 0; at = data.indexOf('@', at + 1)) {
      addFile(digest, Path.of(data.substring(0, at)), 0);
      addFile(digest, Path.of(data.substring(at + 1)), 0);
    }
    Path file = Path.of(data);
    if (file.getFileName() != null && !Files.isDirectory(file)) {
      String labels = file.getFileName().toString().replace("images-idx3", "labels-idx1");
      for (String beside : List.of("tokenizer.json", "preprocess.json", labels)) {
        addFile(digest, file.resolveSibling(beside), 0);
      }
    }
  }

  /** Adds a file, or what a folder has down to a depth, hidden files left out. */
  private static void addFile(MessageDigest digest, Path path, int depth) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    add(digest, path + " " + Files.size(path) + " " + Files.getLastModifiedTime(path) + "\n");
    if (depth > 0 && Files.isDirectory(path)) {
      try (Stream<Path> entries = Files.list(path)) {
        for (Path entry : entries.sorted().toList()) {
          if (!entry.getFileName().toString().startsWith(".")) {
            addFile(digest, entry, depth - 1);
          }
        }
      }
    }
  }

  private static void add(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every Java has it.
    }
  }
}
