package dev.coppice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.coppice.formats.safetensors.Compression.Stored;
import dev.coppice.sparse.Format;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * What the command compress did, as a table and as JSON; docs/compressed.md is its schema.
 *
 * @param bytesBefore of all files of the model
 * @param bytesAfter of the output
 */
record CompressResult(
    Path input,
    long bytesBefore,
    Path output,
    long bytesAfter,
    double seconds,
    List<Stored> stored) {
  private static final int VERSION = 1;

  /** Gives a row for each format that any tensor is stored in. */
  TextTable formatTable() {
    TextTable table =
        new TextTable()
            .column("format", TextTable.Kind.WORD)
            .column("tensors", TextTable.Kind.NUMBER)
            .column("bytes before", TextTable.Kind.NUMBER)
            .column("after", TextTable.Kind.NUMBER)
            .column("share", TextTable.Kind.NUMBER);
    for (Format format : Format.values()) {
      List<Stored> of = stored.stream().filter(s -> s.format() == format).toList();
      long before = of.stream().mapToLong(Stored::before).sum();
      long after = of.stream().mapToLong(Stored::after).sum();
      if (!of.isEmpty()) {
        table.row(
            List.of(
                format.title(),
                Figures.count(of.size()),
                Figures.count(before),
                Figures.count(after),
                Figures.percent(after, before)));
      }
    }
    return table;
  }

  /** Gives a row for each tensor. */
  TextTable tensorTable() {
    TextTable table =
        new TextTable()
            .column("tensor", TextTable.Kind.NAME)
            .column("shape", TextTable.Kind.WORD)
            .column("dtype", TextTable.Kind.WORD)
            .column("format", TextTable.Kind.WORD)
            .column("before", TextTable.Kind.NUMBER)
            .column("after", TextTable.Kind.NUMBER)
            .column("share", TextTable.Kind.NUMBER);
    for (Stored s : stored) {
      table.row(
          List.of(
              Figures.printable(s.tensor().name()),
              s.tensor().shape().toString(),
              s.tensor().type(),
              s.format().title(),
              Figures.count(s.before()),
              Figures.count(s.after()),
              Figures.percent(s.after(), s.before())));
    }
    return table;
  }

  byte[] json() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
    printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
      json.setPrettyPrinter(printer);
      json.writeStartObject();
      json.writeNumberField("version", VERSION);
      json.writeStringField("tool", Coppice.tool());
      file(json, "input", input, bytesBefore);
      file(json, "output", output, bytesAfter);
      json.writeNumberField("seconds", seconds);
      json.writeArrayFieldStart("tensors");
      for (Stored s : stored) {
        tensor(json, s);
      }
      json.writeEndArray();
      json.writeEndObject();
      json.writeRaw('\n');
    } catch (IOException e) {
      throw new IllegalStateException(e); // A byte array takes everything.
    }
    return bytes.toByteArray();
  }

  private static void file(JsonGenerator json, String key, Path path, long bytes)
      throws IOException {
    json.writeObjectFieldStart(key);
    json.writeStringField("path", path.toString());
    json.writeNumberField("bytes", bytes);
    json.writeEndObject();
  }

  private static void tensor(JsonGenerator json, Stored s) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", s.tensor().name());
    json.writeStringField("type", s.tensor().type());
    json.writeFieldName("shape");
    long[] shape = s.tensor().shape().toArray();
    json.writeArray(shape, 0, shape.length);
    json.writeStringField("format", s.format().title());
    json.writeNumberField("before", s.before());
    json.writeNumberField("after", s.after());
    if (s.reason().isPresent()) {
      json.writeStringField("reason", s.reason().get());
    }
    json.writeEndObject();
  }
}
