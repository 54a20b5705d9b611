package dev.coppice.evaluation;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Two sentences of the STS benchmark and how alike people found them, 0 to 5. */
record StsPair(String first, String second, double score) {
  static List<StsPair> read(Path csv) throws IOException {
    List<StsPair> pairs = new ArrayList<>();
    for (String line : Files.readAllLines(csv)) {
      List<String> fields = fields(line);
      if (fields.size() != 3) {
        throw new IOException(csv + " has a line of " + fields.size() + " fields: " + line);
      }
      pairs.add(new StsPair(fields.get(0), fields.get(1), Double.parseDouble(fields.get(2))));
    }
    return pairs;
  }

  private static List<String> fields(String line) {
    List<String> fields = new ArrayList<>();
    StringBuilder field = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"' && quoted && i + 1 < line.length() && line.charAt(i + 1) == '"') {
        field.append(c);
        i++;
      } else if (c == '"') {
        quoted = !quoted;
      } else if (c == ',' && !quoted) {
        fields.add(field.toString());
        field.setLength(0);
      } else {
        field.append(c);
      }
    }
    fields.add(field.toString());
    return fields;
  }
}
