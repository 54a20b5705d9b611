package dev.coppice.formats.plan;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.coppice.InvalidPlanException;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.sparse.LinearPlan;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;

/** The JSON form of a plan of linear layers; docs/linear.md is its schema. */
public final class JsonPlan {
  /** The version of the schema. */
  public static final int VERSION = 1;

  /** The largest plan that is read, in bytes. */
  public static final int LARGEST = 64 << 20;

  private static final JsonFactory JSON = new JsonFactory();

  private JsonPlan() {}

  /**
   * Reads a plan.
   *
   * @throws InvalidPlanException if it is none; the message begins with file, line and column
   */
  public static LinearPlan read(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(LARGEST + 1);
      if (bytes.length > LARGEST) {
        throw new InvalidPlanException(
            file + ": a plan has at most " + LARGEST + " bytes, and this file has more");
      }
      return parse(bytes, file.toString());
    }
  }

  /**
   * Reads a plan from UTF-8 text.
   *
   * @param source what messages call it
   */
  public static LinearPlan parse(byte[] json, String source) {
    return new PlanParser(json, source).plan();
  }

  /**
   * Publishes a plan as a file that appears whole or not at all.
   *
   * @param tool the version of the program
   * @param overwrite whether an existing file is replaced; never one of {@code inputs}
   * @throws java.nio.file.FileAlreadyExistsException if it exists and may not be replaced
   */
  public static void write(
      LinearPlan plan, String tool, Path file, boolean overwrite, Collection<Path> inputs)
      throws IOException {
    FileTarget.write(file, toJson(plan, tool), overwrite, inputs);
  }

  /** Gives a plan as UTF-8 text. */
  public static byte[] toJson(LinearPlan plan, String tool) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
    printer.indentObjectsWith(new DefaultIndenter("  ", "\n"));
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.setPrettyPrinter(printer);
      json.writeStartObject();
      json.writeNumberField("version", VERSION);
      json.writeStringField("tool", "coppice " + tool);
      json.writeStringField("device", plan.device());
      json.writeStringField("key", plan.key());
      json.writeArrayFieldStart("rows");
      for (LinearPlan.Row row : plan.rows()) {
        row(json, row);
      }
      json.writeEndArray();
      json.writeEndObject();
      json.writeRaw('\n');
    } catch (IOException e) {
      throw new IllegalStateException(e); // A byte array takes everything.
    }
    return bytes.toByteArray();
  }

  private static void row(JsonGenerator json, LinearPlan.Row row) throws IOException {
    json.writeStartObject();
    json.writeStringField("layer", row.layer());
    json.writeStringField("shape", row.out() + "x" + row.in());
    json.writeStringField("dtype", row.dtype().name());
    json.writeNumberField("sparsity", row.sparsity());
    json.writeNumberField("batch", row.batch());
    json.writeStringField("provider", row.provider());
    json.writeStringField("format", row.format().title());
    json.writeNumberField("seconds", row.seconds());
    json.writeNumberField("spread", row.spread());
    json.writeNumberField("speedup", row.speedup());
    json.writeNumberField("bytes", row.bytes());
    if (row.joules().isPresent()) {
      json.writeNumberField("joules", row.joules().get());
    }
    json.writeBooleanField("chosen", row.chosen());
    json.writeEndObject();
  }
}
