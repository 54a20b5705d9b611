package dev.coppice.cli;

import dev.coppice.graph.ShrinkRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where scores that were measured are kept, so that a search can be resumed. */
final class ScoreFiles {
  private ScoreFiles() {}

  /**
   * Gives the file for a model, a request and data, by a digest of all that; nothing if there is no
   * cache folder. Data counts by name, size and time of its last change.
   */
  static Optional<Path> of(Path model, ShrinkRequest request, ShrinkDataOptions data)
      throws IOException {
    String given = Objects.requireNonNullElse(System.getenv("XDG_CACHE_HOME"), "");
    Path cache =
        Path.of(given).isAbsolute()
            ? Path.of(given)
            : Path.of(System.getProperty("user.home", "")).resolve(".cache");
    if (!cache.isAbsolute()) {
      return Optional.empty();
    }
    MessageDigest digest = sha256();
    digest.update(Files.readAllBytes(model));
    String words =
        String.join(
            "\n",
            Coppice.version(),
            request.toString(),
            data.repair ? "repair" : "",
            data.samples + " " + data.evalSamples,
            String.valueOf(data.tokens),
            stamp(data.calibration, ""),
            stamp(data.eval, ":"));
    digest.update(words.getBytes(StandardCharsets.UTF_8));
    return Optional.of(
        cache.resolve("coppice/scores").resolve(HexFormat.of().formatHex(digest.digest(), 0, 16)));
  }

  /** Says which data it is, and whether they changed. */
  private static String stamp(@Nullable String given, String end) throws IOException {
    if (given == null) {
      return "";
    }
    String name = end.isEmpty() ? given : given.substring(0, Math.max(0, given.lastIndexOf(end)));
    Path path = Path.of(name);
    return Files.exists(path)
        ? given + " " + Files.size(path) + " " + Files.getLastModifiedTime(path)
        : given;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every Java has it.
    }
  }
}
