package dev.coppice.evaluation.data;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A text file: a text on each line ({@code .txt}), or two and how alike they are ({@code .csv} with
 * commas and quotes, {@code .tsv} with tabs). Empty lines are nothing.
 */
final class TextFile {
  private static final int MOST_BYTES = 32 << 20;
  private static final int LONGEST_TEXT = 1 << 16;
  private static final int MOST_LINES = 1_000_000;

  private final Path path;
  private final String name;
  private final String text;
  private final List<List<String>> records = new ArrayList<>();
  private int at;
  private int line = 1;

  private TextFile(Path path, String text) {
    this.path = path;
    this.name = path.getFileName().toString().toLowerCase(Locale.ROOT);
    this.text = text;
  }

  static boolean isOne(Path path) {
    String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
    return name.endsWith(".txt") || name.endsWith(".csv") || name.endsWith(".tsv");
  }

  /** Gives what is on each line: one text, or two and their score. */
  static List<List<String>> read(Path path) throws IOException {
    TextFile file;
    try (InputFile input = InputFile.open(path)) {
      String text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(RangeStream.all(input, MOST_BYTES)))
              .toString();
      file = new TextFile(path, text.startsWith("\uFEFF") ? text.substring(1) : text);
    } catch (CharacterCodingException e) {
      throw CheckpointFormatException.of(Code.UNSUPPORTED, path, "is not UTF-8");
    }
    while (file.at < file.text.length()) {
      file.readRecord();
    }
    if (file.records.isEmpty()) {
      throw CheckpointFormatException.of(Code.UNSUPPORTED, path, "has no text");
    }
    return file.records;
  }

  static boolean isPair(List<String> record) {
    return record.size() == 3;
  }

  private void readRecord() {
    int first = line;
    List<String> fields = new ArrayList<>();
    boolean more;
    do {
      fields.add(field(first));
      more = at < text.length() && text.charAt(at) == separator();
      at += more ? 1 : 0;
      if (fields.size() > 3) {
        break;
      }
    } while (more);
    if (fields.size() == 1 && fields.get(0).isBlank()) {
      endOfLine(first);
      return;
    }
    if (fields.size() != (name.endsWith(".txt") ? 1 : 3)) {
      throw refused(
          first,
          "has %s fields; two texts and a score are needed"
              .formatted(fields.size() > 3 ? "more than 3" : fields.size()));
    }
    if (isPair(fields)) {
      checkScore(fields.get(2), first);
    }
    endOfLine(first);
    if (records.size() == MOST_LINES) {
      throw CheckpointFormatException.of(
          Code.LIMIT, path, "has more than " + MOST_LINES + " lines");
    }
    records.add(List.copyOf(fields));
  }

  private int separator() {
    return name.endsWith(".csv") ? ',' : name.endsWith(".tsv") ? '\t' : -1;
  }

  private String field(int first) {
    String field =
        name.endsWith(".csv") && at < text.length() && text.charAt(at) == '"'
            ? quoted(first)
            : plain();
    if (field.length() > LONGEST_TEXT) {
      throw refused(first, "has a text of more than " + LONGEST_TEXT + " characters");
    }
    return field;
  }

  private String plain() {
    int from = at;
    while (at < text.length() && !isLineEnd(text.charAt(at)) && text.charAt(at) != separator()) {
      at++;
    }
    return text.substring(from, at);
  }

  private String quoted(int first) {
    StringBuilder field = new StringBuilder();
    for (at++; at < text.length(); at++) {
      char c = text.charAt(at);
      boolean doubled = c == '"' && at + 1 < text.length() && text.charAt(at + 1) == '"';
      if (c == '"' && !doubled) {
        at++;
        return field.append(plain()).toString();
      }
      at += doubled ? 1 : 0;
      line += c == '\n' ? 1 : 0;
      field.append(c);
    }
    throw refused(first, "has a quote that does not end");
  }

  private static boolean isLineEnd(char c) {
    return c == '\n' || c == '\r';
  }

  private void endOfLine(int first) {
    if (at < text.length() && !isLineEnd(text.charAt(at))) {
      throw refused(first, "has something after its end");
    }
    if (at < text.length() && text.charAt(at) == '\r') {
      at++;
    }
    if (at < text.length() && text.charAt(at) == '\n') {
      at++;
    }
    line++;
  }

  private void checkScore(String score, int first) {
    try {
      if (Double.isFinite(Double.parseDouble(score))) {
        return;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw refused(first, "has \"" + score + "\" for a score; a number is needed, and no heading");
  }

  private CheckpointFormatException refused(int first, String why) {
    return CheckpointFormatException.of(Code.UNSUPPORTED, path, "line " + first + " " + why);
  }
}
