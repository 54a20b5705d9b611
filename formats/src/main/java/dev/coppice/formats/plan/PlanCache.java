package dev.coppice.formats.plan;

import dev.coppice.InvalidPlanException;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.Planner;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Measurements in a folder, a file for each kind of layer. A file that is damaged counts as not
 * there; where nothing can be written, nothing is kept. The files that were written first go once
 * there are more than {@value #MOST_FILES}.
 */
public final class PlanCache implements Planner.Cache {
  /** A file is some kilobytes. */
  static final int MOST_FILES = 2000;

  private static final String SUFFIX = ".json";

  private final Path folder;
  private final String tool;

  /**
   * Makes a cache.
   *
   * @param folder made when it is needed
   * @param tool the version of the program: another one measures anew
   */
  public PlanCache(Path folder, String tool) {
    this.folder = folder;
    this.tool = tool;
  }

  /**
   * Gives the one in the user's cache folder; one that keeps nothing if there is no such folder.
   */
  public static Planner.Cache ofUser(String tool) {
    String given = Objects.requireNonNullElse(System.getenv("XDG_CACHE_HOME"), "");
    Path cache =
        Path.of(given).isAbsolute()
            ? Path.of(given)
            : Path.of(System.getProperty("user.home", "")).resolve(".cache");
    return cache.isAbsolute()
        ? new PlanCache(cache.resolve("coppice/plans"), tool)
        : Planner.Cache.NONE;
  }

  @Override
  public Optional<LinearPlan> find(String what) {
    Path file = file(what);
    if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
      return Optional.empty();
    }
    try {
      LinearPlan plan = JsonPlan.read(file);
      return plan.rows().isEmpty() ? Optional.empty() : Optional.of(plan);
    } catch (IOException | InvalidPlanException e) {
      return Optional.empty();
    }
  }

  @Override
  public void keep(String what, LinearPlan plan) {
    try {
      Files.createDirectories(folder);
      JsonPlan.write(plan, tool, file(what), true, List.of());
      removeOldest();
    } catch (IOException | UncheckedIOException e) {
      // Then it is measured again the next time.
    }
  }

  private void removeOldest() throws IOException {
    record Aged(Path file, FileTime time) {}
    List<Aged> files = new ArrayList<>();
    try (Stream<Path> entries = Files.list(folder)) {
      for (Path entry : (Iterable<Path>) entries::iterator) {
        if (entry.getFileName().toString().endsWith(SUFFIX)) {
          files.add(new Aged(entry, Files.getLastModifiedTime(entry, LinkOption.NOFOLLOW_LINKS)));
        }
      }
    }
    files.sort(Comparator.comparing(Aged::time));
    for (int i = 0; i < files.size() - MOST_FILES; i++) {
      Files.deleteIfExists(files.get(i).file());
    }
  }

  private Path file(String what) {
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256")
              .digest((tool + "\n" + what).getBytes(StandardCharsets.UTF_8));
      return folder.resolve(HexFormat.of().formatHex(digest, 0, 16) + SUFFIX);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // Every Java has it.
    }
  }
}
