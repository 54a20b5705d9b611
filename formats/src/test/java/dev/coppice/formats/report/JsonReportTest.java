package dev.coppice.formats.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import dev.coppice.Amount;
import dev.coppice.Axes;
import dev.coppice.Criterion;
import dev.coppice.DType;
import dev.coppice.NanPolicy;
import dev.coppice.Pattern;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Selection;
import dev.coppice.Shape;
import dev.coppice.formats.recipe.Recipe;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JsonReportTest {
  private static final JsonReport.Run RUN =
      new JsonReport.Run("1.2", Path.of("in.onnx"), "onnx", Optional.of(Path.of("out.onnx")));

  @TempDir Path folder;

  private static PruningReport report() {
    CheckpointTensor weight =
        new CheckpointTensor(
            "w\"1\"",
            "/layer/MatMul",
            "FLOAT",
            Optional.of(DType.F32),
            Shape.of(2, 4),
            32,
            new CheckpointTensor.Role.Weight(new Axes(0, 1)));
    CheckpointTensor other =
        new CheckpointTensor(
            "ids",
            "",
            "INT64",
            Optional.empty(),
            Shape.of(),
            8,
            new CheckpointTensor.Role.Other("x"));
    PruningPlan plan =
        new PruningPlan(
            List.of(
                Rule.of(
                        new Pattern.Unstructured(
                            Scope.GLOBAL, new Amount.Fraction(0.3), OptionalDouble.of(0.9)))
                    .by(new Criterion.Random())
                    .exclude("*.bias"),
                Rule.of(new Pattern.Unstructured(Scope.ROW, new Amount.Count(3))),
                Rule.nOfM(2, 4).include("a", "b*").axes(1, 0)),
            -7,
            NanPolicy.KEEP);
    return new PruningReport(
        "reference",
        List.of("native is not used: no compiler"),
        plan,
        List.of(
            new PruningReport.TensorReport(weight, 0, 8, 7, 8, 0),
            new PruningReport.TensorReport(weight, 0, 2, 1, 4, 1)),
        List.of(new Selection.LeftAlone(other, "type INT64 is not pruned")),
        40,
        new PruningReport.Seconds(0.25, 0.5, 0.125, 2));
  }

  private static String json() {
    return new String(JsonReport.toJson(report(), RUN), StandardCharsets.UTF_8);
  }

  @Test
  void allKeysOfTheSchemaAreThereInItsOrder() throws IOException {
    List<String> keys = new ArrayList<>();
    try (JsonParser parser = new JsonFactory().createParser(json())) {
      int depth = 0;
      for (JsonToken t = parser.nextToken(); t != null; t = parser.nextToken()) {
        if (t == JsonToken.FIELD_NAME && depth == 1) {
          keys.add(parser.currentName());
        }
        depth += t.isStructStart() ? 1 : t.isStructEnd() ? -1 : 0;
      }
    }
    assertThat(keys)
        .containsExactly(
            "version",
            "tool",
            "input",
            "output",
            "backend",
            "notes",
            "plan",
            "seconds",
            "gigabytes_per_second",
            "totals",
            "tensors",
            "left_alone",
            "warnings");
  }

  @Test
  void valuesAreThoseOfTheReport() {
    assertThat(json().replaceAll("\\s+", " "))
        .contains("\"version\" : 1, \"tool\" : \"coppice 1.2\"")
        .contains("\"input\" : { \"path\" : \"in.onnx\", \"format\" : \"onnx\", \"bytes\" : 40 }")
        .contains("\"output\" : \"out.onnx\"")
        .contains("\"seconds\" : { \"read\" : 0.25, \"prune\" : 0.5, \"write\" : 0.125, ")
        .contains("\"total\" : 2.0 }")
        .contains("\"totals\" : { \"tensors\" : 2, \"left_alone\" : 1, \"pruned\" : 10, ")
        .contains("\"newly_zero\" : 8, \"zeros\" : 12, \"total\" : 16, \"sparsity\" : 0.75 }")
        .contains("\"name\" : \"w\\\"1\\\"\", \"node\" : \"/layer/MatMul\", \"type\" : \"FLOAT\"")
        .contains("\"name\" : \"ids\", \"type\" : \"INT64\", \"shape\" : [ ]")
        .contains("\"reason\" : \"type INT64 is not pruned\"")
        .contains("\"warnings\" : [ \"1 tensor has no weight left: w\\\"1\\\"\"");
  }

  @Test
  void aDryRunHasNoOutput() {
    JsonReport.Run dry = new JsonReport.Run("1", Path.of("m"), "safetensors", Optional.empty());
    assertThat(new String(JsonReport.toJson(report(), dry), StandardCharsets.UTF_8))
        .contains("\"output\" : null");
  }

  @Test
  void itsPlanIsARecipeThatGivesThePlanAgain() throws IOException {
    String json = json();
    int begin = json.indexOf("\"plan\" : ") + "\"plan\" : ".length();
    String plan = json.substring(begin, json.indexOf("\"seconds\"")).strip();
    String recipe = plan.substring(0, plan.length() - 1);
    assertThat(Recipe.parse(recipe, "plan")).isEqualTo(report().plan());
  }

  @Test
  void anExistingFileIsReplacedOnlyIfThatIsAllowed() throws IOException {
    Path file = folder.resolve("report.json");
    Files.writeString(file, "mine");
    assertThatThrownBy(() -> JsonReport.write(report(), RUN, file, false, List.of()))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(file).hasContent("mine");
    JsonReport.write(report(), RUN, file, true, List.of());
    assertThat(file).hasContent(json());
  }

  @Test
  void anInputIsNeverReplaced() throws IOException {
    Path file = folder.resolve("model.onnx");
    Files.writeString(file, "model");
    assertThatThrownBy(() -> JsonReport.write(report(), RUN, file, true, List.of(file)))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(file).hasContent("model");
  }
}
