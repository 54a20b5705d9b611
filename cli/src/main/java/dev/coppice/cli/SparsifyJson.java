package dev.coppice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.Proof;
import dev.coppice.graph.Sparsified;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;

/** The report of the command sparsify for programs; docs/sparsify.md is its schema. */
final class SparsifyJson {
  private static final int VERSION = 1;
  private static final JsonFactory JSON = new JsonFactory();

  private SparsifyJson() {}

  static byte[] of(Path input, Sparsified made, Proof.Held proof, Latency latency) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.setPrettyPrinter(new DefaultPrettyPrinter());
      json.writeStartObject();
      json.writeNumberField("version", VERSION);
      json.writeStringField("tool", Coppice.tool());
      json.writeStringField("model", input.toString());
      layers(json, made);
      leftAlone(json, made);
      json.writeObjectFieldStart("proof");
      json.writeNumberField("runs", proof.runs());
      json.writeNumberField("tolerance", proof.tolerance());
      json.writeNumberField("furthest", proof.furthest());
      json.writeEndObject();
      ShrinkJson.latency(json, latency);
      json.writeEndObject();
      json.writeRaw('\n');
    } catch (IOException e) {
      throw new IllegalStateException(e); // A byte array takes everything.
    }
    return bytes.toByteArray();
  }

  private static void layers(JsonGenerator json, Sparsified made) throws IOException {
    json.writeArrayFieldStart("layers");
    for (Sparsified.Row row : made.rows()) {
      json.writeStartObject();
      json.writeStringField("layer", row.layer().name());
      json.writeArrayFieldStart("nodes");
      for (String node : row.layer().nodes()) {
        json.writeString(node);
      }
      json.writeEndArray();
      json.writeStringField("shape", row.layer().out() + "x" + row.layer().in());
      json.writeNumberField("sparsity", row.layer().sparsity());
      json.writeStringField("format", row.format().title());
      json.writeNumberField("bytes_before", row.layer().bytes());
      json.writeNumberField("bytes", row.bytes());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void leftAlone(JsonGenerator json, Sparsified made) throws IOException {
    json.writeArrayFieldStart("left_alone");
    for (Sparsified.LeftAlone left : made.leftAlone()) {
      json.writeStartObject();
      json.writeStringField("layer", left.weights());
      json.writeStringField("node", left.node());
      json.writeStringField("reason", left.reason());
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
