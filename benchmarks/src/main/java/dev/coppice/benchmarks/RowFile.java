package dev.coppice.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Figures as they are measured, a line each: the table, then NAME=VALUE, with tabs between. So what
 * was measured by several programs adds up, and nothing is lost if one of them is stopped.
 *
 * @param path the file
 */
record RowFile(Path path) {
  /** A row of a table. */
  record Entry(String table, Map<String, Object> fields) {}

  void add(String table, Map<String, Object> fields) {
    String line =
        fields.entrySet().stream()
            .map(f -> f.getKey() + "=" + String.valueOf(f.getValue()).replaceAll("\\s+", " "))
            .collect(Collectors.joining("\t", table + "\t", "\n"));
    try {
      Files.writeString(path, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    System.out.print(line);
  }

  List<Entry> read() throws IOException {
    return Files.readAllLines(path).stream()
        .filter(line -> line.contains("\t"))
        .map(RowFile::entry)
        .toList();
  }

  private static Entry entry(String line) {
    String[] words = line.split("\t", -1);
    Map<String, Object> fields = new LinkedHashMap<>();
    for (int i = 1; i < words.length; i++) {
      int at = words[i].indexOf('=');
      if (at > 0) {
        fields.put(words[i].substring(0, at), value(words[i].substring(at + 1)));
      }
    }
    return new Entry(words[0], fields);
  }

  private static Object value(String text) {
    if (text.matches("-?\\d{1,18}")) {
      return Long.valueOf(text);
    }
    return text.matches("-?\\d+\\.\\d+([eE]-?\\d+)?") ? (Object) Double.valueOf(text) : text;
  }
}
