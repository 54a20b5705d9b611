package dev.coppice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/** The report of the command advise for programs; docs/advise.md is its schema. */
final class AdviseJson {
  private static final int VERSION = 1;
  private static final JsonFactory JSON = new JsonFactory();

  /**
   * What was measured, and how.
   *
   * @param metric what quality is measured by, and the data, as on the command line
   * @param backend the name of the one that scores are computed on
   */
  record Setting(
      Path model,
      Map<String, long[]> sizes,
      int threads,
      Optional<String> metric,
      String backend) {}

  private AdviseJson() {}

  static byte[] of(
      Setting setting,
      Advice advice,
      Verdict verdict,
      Optional<List<String>> command,
      List<List<String>> sparsify) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.setPrettyPrinter(new DefaultPrettyPrinter());
      json.writeStartObject();
      json.writeNumberField("version", VERSION);
      json.writeStringField("tool", Coppice.tool());
      setting(json, setting);
      dense(json, advice);
      json.writeArrayFieldStart("shrunk");
      for (Advice.Shrunk model : advice.shrunk()) {
        shrunk(json, model, advice.repaired());
      }
      json.writeEndArray();
      json.writeArrayFieldStart("zeros");
      for (Advice.Zeros model : advice.zeros()) {
        zeros(json, model);
      }
      json.writeEndArray();
      verdict(json, verdict, command, sparsify);
      json.writeEndObject();
      json.writeRaw('\n');
    } catch (IOException e) {
      throw new IllegalStateException(e); // A byte array takes everything.
    }
    return bytes.toByteArray();
  }

  private static void setting(JsonGenerator json, Setting setting) throws IOException {
    json.writeStringField("model", setting.model().toString());
    json.writeStringField("backend", setting.backend());
    json.writeNumberField("threads", setting.threads());
    if (setting.metric().isPresent()) {
      json.writeStringField("metric", setting.metric().get());
    }
    json.writeObjectFieldStart("sizes");
    for (Map.Entry<String, long[]> input : new TreeMap<>(setting.sizes()).entrySet()) {
      json.writeFieldName(input.getKey());
      json.writeArray(input.getValue(), 0, input.getValue().length);
    }
    json.writeEndObject();
  }

  private static void dense(JsonGenerator json, Advice advice) throws IOException {
    json.writeObjectFieldStart("dense");
    json.writeNumberField("macs", Math.round(advice.dense().macs()));
    json.writeNumberField("bytes", advice.dense().bytes());
    json.writeNumberField("deflated", advice.dense().deflated());
    quality(json, advice.dense().quality());
    json.writeEndObject();
    json.writeObjectFieldStart("room");
    json.writeNumberField("least", advice.room().least());
    json.writeNumberField("frozen", advice.room().frozen());
    if (!advice.room().reason().isEmpty()) {
      json.writeStringField("reason", advice.room().reason());
    }
    json.writeEndObject();
  }

  private static void shrunk(JsonGenerator json, Advice.Shrunk model, boolean repaired)
      throws IOException {
    json.writeStartObject();
    json.writeNumberField("target", model.target());
    json.writeStringField("scope", model.scope().name().toLowerCase(Locale.ROOT));
    json.writeBooleanField("repaired", repaired);
    json.writeNumberField("macs", model.macs());
    json.writeNumberField("bytes", model.bytes());
    json.writeBooleanField("measured", model.measured());
    ShrinkJson.latency(json, model.latency());
    quality(json, model.quality());
    json.writeEndObject();
  }

  private static void zeros(JsonGenerator json, Advice.Zeros model) throws IOException {
    json.writeStartObject();
    json.writeStringField("pattern", model.pattern());
    json.writeNumberField("share", model.share());
    json.writeNumberField("bytes", model.bytes());
    json.writeNumberField("deflated", model.deflated());
    ShrinkJson.latency(json, model.latency());
    quality(json, model.quality());
    json.writeObjectFieldStart("sparsified");
    if (model.sparsified() instanceof SparsifyTrial.Timed timed) {
      json.writeNumberField("bytes", timed.bytes());
      ShrinkJson.latency(json, timed.latency());
    } else if (model.sparsified() instanceof SparsifyTrial.Untried untried) {
      json.writeStringField("untried", untried.why());
    }
    json.writeEndObject();
    json.writeEndObject();
  }

  private static void quality(JsonGenerator json, OptionalDouble quality) throws IOException {
    if (quality.isPresent()) {
      json.writeNumberField("quality", quality.getAsDouble());
    }
  }

  private static void verdict(
      JsonGenerator json,
      Verdict verdict,
      Optional<List<String>> command,
      List<List<String>> sparsify)
      throws IOException {
    json.writeObjectFieldStart("verdict");
    json.writeStringField("kind", verdict.kind().name().toLowerCase(Locale.ROOT));
    if (verdict.subject().isPresent()) {
      json.writeNumberField("target", verdict.subject().get().target());
      json.writeStringField(
          "scope", verdict.subject().get().scope().name().toLowerCase(Locale.ROOT));
    }
    json.writeStringField("text", String.join(" ", verdict.reasons()));
    if (command.isPresent()) {
      json.writeStringField("command", String.join(" ", command.get()));
    }
    if (!sparsify.isEmpty()) {
      json.writeArrayFieldStart("sparsify");
      for (List<String> each : sparsify) {
        json.writeString(String.join(" ", each));
      }
      json.writeEndArray();
    }
    json.writeEndObject();
  }
}
