package dev.coppice.formats.report;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.coppice.Amount;
import dev.coppice.Pattern;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.PruningReport.TensorReport;
import dev.coppice.Rule;
import dev.coppice.Selection.LeftAlone;
import dev.coppice.Selector;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** Writes a report's fields, in the order of docs/report.md. */
final class ReportWriter {
  private final JsonGenerator json;

  ReportWriter(JsonGenerator json) {
    this.json = json;
  }

  void write(PruningReport report, JsonReport.Run run) throws IOException {
    json.writeStartObject();
    json.writeNumberField("version", JsonReport.VERSION);
    json.writeStringField("tool", "coppice " + run.tool());
    json.writeObjectFieldStart("input");
    json.writeStringField("path", run.input().toString());
    json.writeStringField("format", run.format());
    json.writeNumberField("bytes", report.bytes());
    json.writeEndObject();
    json.writeFieldName("output");
    if (run.output().isPresent()) {
      json.writeString(run.output().get().toString());
    } else {
      json.writeNull();
    }
    json.writeStringField("backend", report.backend());
    strings("notes", report.notes());
    plan(report.plan());
    seconds(report);
    totals(report);
    json.writeArrayFieldStart("tensors");
    for (TensorReport tensor : report.tensors()) {
      tensor(tensor);
    }
    json.writeEndArray();
    json.writeArrayFieldStart("left_alone");
    for (LeftAlone left : report.leftAlone()) {
      json.writeStartObject();
      describe(left.tensor());
      json.writeStringField("reason", left.reason());
      json.writeEndObject();
    }
    json.writeEndArray();
    strings("warnings", Warnings.of(report));
    json.writeEndObject();
  }

  private void plan(PruningPlan plan) throws IOException {
    json.writeObjectFieldStart("plan");
    json.writeNumberField("seed", plan.seed());
    json.writeStringField("nan", plan.nan().name().toLowerCase(Locale.ROOT));
    json.writeArrayFieldStart("rules");
    for (Rule rule : plan.rules()) {
      rule(rule);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private void rule(Rule rule) throws IOException {
    json.writeStartObject();
    strings("include", rule.selector().include());
    strings("exclude", rule.selector().exclude());
    json.writeBooleanField(
        "default_excludes", rule.selector().defaults() == Selector.Defaults.HOLD);
    json.writeStringField("criterion", rule.criterion().toString());
    if (rule.pattern() instanceof Pattern.NofM groups) {
      json.writeStringField("pattern", groups.n() + ":" + groups.m());
    } else if (rule.pattern() instanceof Pattern.Unstructured unstructured) {
      json.writeStringField("pattern", "unstructured");
      json.writeStringField("scope", unstructured.scope().name().toLowerCase(Locale.ROOT));
      if (unstructured.amount() instanceof Amount.Fraction share) {
        json.writeNumberField("sparsity", share.value());
      } else if (unstructured.amount() instanceof Amount.Count count) {
        json.writeNumberField("count", count.value());
      }
      if (unstructured.maxPerTensor().isPresent()) {
        json.writeNumberField("max_per_tensor", unstructured.maxPerTensor().getAsDouble());
      }
    }
    if (rule.outputAxis().isPresent()) {
      json.writeNumberField("output_axis", rule.outputAxis().getAsInt());
    }
    if (rule.reductionAxis().isPresent()) {
      json.writeNumberField("reduction_axis", rule.reductionAxis().getAsInt());
    }
    json.writeEndObject();
  }

  private void seconds(PruningReport report) throws IOException {
    json.writeObjectFieldStart("seconds");
    json.writeNumberField("read", report.seconds().read());
    json.writeNumberField("prune", report.seconds().prune());
    json.writeNumberField("write", report.seconds().write());
    json.writeNumberField("total", report.seconds().total());
    json.writeEndObject();
    json.writeNumberField("gigabytes_per_second", report.gigabytesPerSecond());
  }

  private void totals(PruningReport report) throws IOException {
    json.writeObjectFieldStart("totals");
    json.writeNumberField("tensors", report.tensors().size());
    json.writeNumberField("left_alone", report.leftAlone().size());
    json.writeNumberField("pruned", report.pruned());
    json.writeNumberField("newly_zero", report.newlyZero());
    json.writeNumberField("zeros", report.zeros());
    json.writeNumberField("total", report.total());
    json.writeNumberField("sparsity", report.sparsity());
    json.writeEndObject();
  }

  private void tensor(TensorReport tensor) throws IOException {
    json.writeStartObject();
    describe(tensor.tensor());
    json.writeNumberField("rule", tensor.rule());
    json.writeNumberField("pruned", tensor.pruned());
    json.writeNumberField("newly_zero", tensor.newlyZero());
    json.writeNumberField("zeros", tensor.zeros());
    json.writeNumberField("nans", tensor.nans());
    json.writeNumberField("total", tensor.total());
    json.writeNumberField("sparsity", tensor.sparsity());
    json.writeEndObject();
  }

  private void describe(CheckpointTensor tensor) throws IOException {
    json.writeStringField("name", tensor.name());
    if (!tensor.node().isEmpty()) {
      json.writeStringField("node", tensor.node());
    }
    json.writeStringField("type", tensor.type());
    json.writeArrayFieldStart("shape");
    for (long dimension : tensor.shape().toArray()) {
      json.writeNumber(dimension);
    }
    json.writeEndArray();
  }

  private void strings(String key, List<String> values) throws IOException {
    json.writeArrayFieldStart(key);
    for (String value : values) {
      json.writeString(value);
    }
    json.writeEndArray();
  }
}
