package dev.coppice.evaluation.search;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Scores that were measured, in memory and, a line each, in a file: a search that was broken off
 * goes on where it was. A line that is damaged counts as not measured; where the file cannot be
 * written, scores are in memory alone.
 */
public final class ScoreLog {
  private static final long MOST_BYTES = 16L << 20;

  private Optional<Path> file;
  private final Map<String, Double> scores = new HashMap<>();

  private ScoreLog(Optional<Path> file) {
    this.file = file;
  }

  /** Makes a log that is forgotten. */
  public static ScoreLog inMemory() {
    return new ScoreLog(Optional.empty());
  }

  /**
   * Opens a log, an empty one if there is no such file yet. What is in it must have been measured
   * on the same model, data and settings: name the file after a digest of all that.
   *
   * @throws IOException if what is there cannot be read, or is a link or no file of its own
   */
  public static ScoreLog open(Path file) throws IOException {
    ScoreLog log = new ScoreLog(Optional.of(file));
    if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
      if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
        throw new IOException(file + " is no file of scores; remove it");
      }
      if (Files.size(file) > MOST_BYTES) {
        throw new IOException(file + " is too large to be a log of scores; remove it");
      }
      String text = Files.readString(file, StandardCharsets.ISO_8859_1);
      String whole = text.substring(0, text.lastIndexOf('\n') + 1);
      whole.lines().forEach(log::read);
      if (whole.length() < text.length()) {
        cutOff(file, whole.length()); // A line that was being written when the process ended.
      }
    } else {
      Files.createDirectories(file.toAbsolutePath().getParent());
    }
    return log;
  }

  private static void cutOff(Path file, int length) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(length);
    }
  }

  private void read(String line) {
    int space = line.indexOf(' ');
    if (space > 0 && line.substring(space + 1).matches("-?\\d+(\\.\\d+)?(E-?\\d+)?")) {
      double score = Double.parseDouble(line.substring(space + 1));
      if (Double.isFinite(score)) {
        scores.put(line.substring(0, space), score);
      }
    }
  }

  /** Gives the score of a model whose layers keep so many units, measuring it the first time. */
  double get(Subject subject, List<Integer> kept) throws IOException {
    String key = kept.stream().map(String::valueOf).collect(Collectors.joining(",", "=", ""));
    Double known = scores.get(key);
    if (known != null) {
      return known;
    }
    double score = subject.score(kept);
    scores.put(key, score);
    file.ifPresent(open -> append(open, key + " " + score + "\n"));
    return score;
  }

  private void append(Path to, String line) {
    try {
      Files.writeString(
          to,
          line,
          StandardCharsets.ISO_8859_1,
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND,
          LinkOption.NOFOLLOW_LINKS);
    } catch (IOException e) {
      file = Optional.empty(); // Then a search that is broken off begins anew.
    }
  }

  /** Gives how many scores there are. */
  public int size() {
    return scores.size();
  }
}
