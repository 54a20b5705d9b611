package dev.coppice.evaluation.search;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Scores that were measured, in memory and, a line each, in a file: a search that was broken off
 * goes on where it was. A line that is damaged counts as not measured.
 */
public final class ScoreLog {
  private static final long MOST_BYTES = 16L << 20;

  private final Optional<Path> file;
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
   */
  public static ScoreLog open(Path file) throws IOException {
    ScoreLog log = new ScoreLog(Optional.of(file));
    if (Files.exists(file)) {
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
      scores.put(line.substring(0, space), Double.parseDouble(line.substring(space + 1)));
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
    if (file.isPresent()) {
      Files.writeString(
          file.get(),
          key + " " + score + "\n",
          StandardCharsets.ISO_8859_1,
          StandardOpenOption.CREATE,
          StandardOpenOption.APPEND);
    }
    return score;
  }

  /** Gives how many scores there are. */
  public int size() {
    return scores.size();
  }
}
