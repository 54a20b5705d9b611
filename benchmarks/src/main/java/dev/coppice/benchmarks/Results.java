package dev.coppice.benchmarks;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Collectors;

/** All figures of a run: tables of rows, written as JSON and as Markdown. */
final class Results {
  /** The columns of a row by their names; values are texts and numbers. */
  static final class Row {
    private final Map<String, Object> fields = new LinkedHashMap<>();

    Row with(String name, Object value) {
      fields.put(name, value);
      return this;
    }

    double number(String name) {
      return ((Number) Objects.requireNonNull(fields.get(name))).doubleValue();
    }

    boolean has(String name, Object value) {
      return value.equals(fields.get(name));
    }
  }

  private final Map<String, Object> machine;
  private final Map<String, List<Row>> tables = new LinkedHashMap<>();

  Results(Map<String, Object> machine) {
    this.machine = machine;
  }

  Row add(String table) {
    Row row = new Row();
    tables.computeIfAbsent(table, name -> new ArrayList<>()).add(row);
    return row;
  }

  /** Gives the first row of a table in which these names have these values, in pairs. */
  Optional<Row> find(String table, Object... pairs) {
    return tables.getOrDefault(table, List.of()).stream()
        .filter(
            row -> {
              boolean all = true;
              for (int i = 0; i < pairs.length; i += 2) {
                all &= row.has((String) pairs[i], pairs[i + 1]);
              }
              return all;
            })
        .findFirst();
  }

  void writeJson(Path file) throws IOException {
    try (JsonGenerator json =
        new JsonFactory()
            .createGenerator(Files.newBufferedWriter(file))
            .useDefaultPrettyPrinter()) {
      json.writeStartObject();
      json.writeFieldName("machine");
      write(json, machine);
      for (Map.Entry<String, List<Row>> table : tables.entrySet()) {
        json.writeArrayFieldStart(table.getKey());
        for (Row row : table.getValue()) {
          write(json, row.fields);
        }
        json.writeEndArray();
      }
      json.writeEndObject();
    }
  }

  private static void write(JsonGenerator json, Map<String, Object> fields) throws IOException {
    json.writeStartObject();
    for (Map.Entry<String, Object> field : fields.entrySet()) {
      json.writeObjectField(field.getKey(), field.getValue());
    }
    json.writeEndObject();
  }

  String toMarkdown() {
    StringBuilder text = new StringBuilder();
    machine.forEach((name, value) -> text.append("- %s: %s%n".formatted(name, value)));
    tables.forEach(
        (name, rows) -> {
          text.append("%n## %s%n%n".formatted(name));
          List<String> columns = List.copyOf(rows.get(0).fields.keySet());
          text.append(line(columns));
          text.append(line(columns.stream().map(c -> "---").toList()));
          rows.forEach(
              row ->
                  text.append(line(columns.stream().map(c -> cell(row.fields.get(c))).toList())));
        });
    return text.toString();
  }

  private static String line(List<String> cells) {
    return cells.stream().collect(Collectors.joining(" | ", "| ", " |\n"));
  }

  private static String cell(@org.jspecify.annotations.Nullable Object value) {
    return value instanceof Double number
        ? String.format(Locale.ROOT, number >= 100 ? "%.0f" : number >= 1 ? "%.2f" : "%.4f", number)
        : String.valueOf(value == null ? "" : value);
  }
}
