package dev.coppice.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.Proof;
import dev.coppice.evaluation.search.Curve;
import dev.coppice.evaluation.search.DropSearch;
import dev.coppice.evaluation.search.Trial;
import dev.coppice.graph.Frozen;
import dev.coppice.graph.Metric;
import dev.coppice.graph.Repair;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.Shrinkage;
import dev.coppice.graph.Shrinker;
import dev.coppice.graph.Slot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** The report of the command shrink for programs; docs/shrink.md is its schema. */
final class ShrinkJson {
  private static final int VERSION = 1;
  private static final JsonFactory JSON = new JsonFactory();

  private ShrinkJson() {}

  static byte[] of(Shrinker shrinker, ShrinkResult result, Path input) {
    Shrinkage done = result.done();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      json.setPrettyPrinter(new DefaultPrettyPrinter());
      json.writeStartObject();
      json.writeNumberField("version", VERSION);
      json.writeStringField("tool", Coppice.tool());
      json.writeStringField("model", input.toString());
      request(json, result);
      json.writeStringField("backend", shrinker.backend());
      totals(json, done);
      if (result.latency().isPresent()) {
        latency(json, result.latency().get());
      }
      if (result.proof().isPresent()) {
        proof(json, result, result.proof().get());
      }
      if (result.repair().isPresent()) {
        repair(json, result.repair().get());
      }
      if (result.quality().isPresent()) {
        quality(json, result.quality().get());
      }
      if (result.search().isPresent()) {
        search(json, result.search().get());
      }
      layers(json, done);
      groups(json, done);
      frozen(json, shrinker);
      json.writeEndObject();
      json.writeRaw('\n');
    } catch (IOException e) {
      throw new IllegalStateException(e); // A byte array takes everything.
    }
    return bytes.toByteArray();
  }

  private static void request(JsonGenerator json, ShrinkResult result) throws IOException {
    ShrinkRequest request = result.request();
    json.writeObjectFieldStart("request");
    json.writeStringField("metric", request.metric().toString());
    json.writeNumberField("fraction", request.fraction());
    if (result.target().isPresent()) {
      json.writeNumberField("latency", result.target().getAsDouble());
    }
    json.writeStringField("criterion", request.criterion().toString());
    json.writeStringField("scope", request.scope().name().toLowerCase(Locale.ROOT));
    json.writeNumberField("round_to", request.roundTo());
    json.writeNumberField("floor", request.floor());
    json.writeNumberField("seed", request.seed());
    json.writeEndObject();
  }

  private static void totals(JsonGenerator json, Shrinkage done) throws IOException {
    for (Metric metric : Metric.values()) {
      json.writeObjectFieldStart(metric.toString());
      json.writeNumberField("before", Math.round(done.before(metric)));
      json.writeNumberField("after", Math.round(done.after(metric)));
      json.writeEndObject();
    }
  }

  static void latency(JsonGenerator json, Latency latency) throws IOException {
    json.writeObjectFieldStart("latency");
    json.writeNumberField("threads", latency.threads());
    json.writeNumberField("pairs", latency.pairs());
    json.writeNumberField("ratio", latency.ratio());
    spread(json, "before", latency.dense());
    spread(json, "after", latency.small());
    json.writeEndObject();
  }

  private static void spread(JsonGenerator json, String name, Latency.Spread spread)
      throws IOException {
    json.writeObjectFieldStart(name);
    json.writeNumberField("median", spread.median());
    json.writeNumberField("low", spread.low());
    json.writeNumberField("high", spread.high());
    json.writeEndObject();
  }

  private static void proof(JsonGenerator json, ShrinkResult result, Proof proof)
      throws IOException {
    json.writeObjectFieldStart("proof");
    json.writeBooleanField("held", proof instanceof Proof.Held);
    if (proof instanceof Proof.NotRun not) {
      json.writeStringField("not_run", not.why());
    } else if (proof instanceof Proof.Held held) {
      json.writeNumberField("runs", held.runs());
      json.writeNumberField("tolerance", held.tolerance());
      json.writeObjectFieldStart("differences");
      for (Map.Entry<String, Double> value : held.differences().entrySet()) {
        json.writeNumberField(value.getKey(), value.getValue());
      }
      json.writeEndObject();
    }
    json.writeArrayFieldStart("unchecked");
    for (String group : result.unchecked()) {
      json.writeString(group);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void repair(JsonGenerator json, Repair repair) throws IOException {
    json.writeObjectFieldStart("repair");
    json.writeStringField("backend", repair.backend());
    json.writeArrayFieldStart("layers");
    for (Repair.Layer layer : repair.layers()) {
      json.writeStartObject();
      json.writeStringField("name", layer.name());
      json.writeNumberField("rows", layer.rows());
      json.writeNumberField("error_before", layer.before());
      json.writeNumberField("error_after", layer.after());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeArrayFieldStart("skipped");
    for (Repair.Skipped skipped : repair.skipped()) {
      json.writeStartObject();
      json.writeStringField("name", skipped.name());
      json.writeStringField("reason", skipped.reason());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void quality(JsonGenerator json, ShrinkResult.Quality quality) throws IOException {
    json.writeObjectFieldStart("quality");
    json.writeStringField("metric", quality.metric());
    json.writeStringField("data", quality.data());
    json.writeNumberField("before", quality.dense());
    if (quality.cut().isPresent()) {
      json.writeNumberField("unrepaired", quality.cut().getAsDouble());
    }
    json.writeNumberField("after", quality.small());
    json.writeEndObject();
  }

  private static void search(JsonGenerator json, DropSearch.Outcome found) throws IOException {
    json.writeObjectFieldStart("search");
    json.writeArrayFieldStart("curves");
    for (Curve curve : found.curves()) {
      json.writeStartObject();
      json.writeStringField("group", curve.layer().name());
      json.writeArrayFieldStart("points");
      for (Curve.Point point : curve.points()) {
        json.writeStartObject();
        json.writeNumberField("kept", point.kept());
        json.writeNumberField("drop", point.drop());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeArrayFieldStart("front");
    for (Trial trial : found.front().trials()) {
      json.writeStartObject();
      json.writeNumberField("left", trial.left());
      json.writeNumberField("score", trial.score());
      json.writeBooleanField("taken", trial.equals(found.best()));
      json.writeBooleanField("knee", trial.equals(found.front().knee()));
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void layers(JsonGenerator json, Shrinkage done) throws IOException {
    Map<String, Double> after = done.layersAfter(Metric.MACS);
    json.writeArrayFieldStart("layers");
    for (Map.Entry<String, Double> layer : done.layersBefore(Metric.MACS).entrySet()) {
      json.writeStartObject();
      json.writeStringField("name", layer.getKey());
      json.writeNumberField("macs_before", Math.round(layer.getValue()));
      json.writeNumberField(
          "macs_after", Math.round(after.getOrDefault(layer.getKey(), layer.getValue())));
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void groups(JsonGenerator json, Shrinkage done) throws IOException {
    json.writeArrayFieldStart("groups");
    for (Shrinkage.Part part : done.parts()) {
      json.writeStartObject();
      json.writeStringField("name", part.group().name());
      json.writeStringField("kind", part.group().kind().toString());
      json.writeNumberField("units", part.group().units().size());
      json.writeNumberField("kept", part.kept());
      json.writeArrayFieldStart("axes");
      for (Slot slot : part.group().slots()) {
        json.writeStartObject();
        json.writeStringField("tensor", slot.tensor());
        json.writeNumberField("axis", slot.axis());
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private static void frozen(JsonGenerator json, Shrinker shrinker) throws IOException {
    json.writeArrayFieldStart("frozen");
    for (Frozen frozen : shrinker.frozen()) {
      json.writeStartObject();
      json.writeStringField("layer", frozen.layer());
      json.writeStringField("tensor", frozen.tensor());
      json.writeNumberField("axis", frozen.axis());
      json.writeStringField("reason", frozen.reason());
      json.writeEndObject();
    }
    json.writeEndArray();
  }
}
