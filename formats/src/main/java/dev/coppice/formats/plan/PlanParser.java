package dev.coppice.formats.plan;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import dev.coppice.InvalidPlanException;
import dev.coppice.sparse.LinearPlan;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Reads a plan from JSON. Fields that it does not know are passed over: a later release may add
 * some; a change of what there is changes the version.
 */
final class PlanParser {
  private static final int MOST_ROWS = 1_000_000;
  private static final int LONGEST_TEXT = 1 << 16;

  private static final JsonFactory JSON =
      JsonFactory.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          // Read, so that the field is named that refuses them.
          .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNameLength(1 << 10)
                  .maxStringLength(LONGEST_TEXT)
                  .maxNumberLength(100)
                  .maxNestingDepth(50)
                  .build())
          .build();

  private final byte[] bytes;
  private final String source;

  PlanParser(byte[] bytes, String source) {
    this.bytes = bytes;
    this.source = source;
  }

  LinearPlan plan() {
    try (JsonParser json = JSON.createParser(bytes)) {
      return plan(json);
    } catch (JsonProcessingException e) {
      throw refused(e.getLocation(), e.getOriginalMessage());
    } catch (IOException e) {
      throw new InvalidPlanException(source + ": " + e.getMessage()); // Not UTF-8.
    }
  }

  private LinearPlan plan(JsonParser json) throws IOException {
    if (json.nextToken() != JsonToken.START_OBJECT) {
      throw refused(json, "a plan is a JSON object");
    }
    Map<String, Object> fields = new HashMap<>();
    Optional<List<LinearPlan.Row>> rows = Optional.empty();
    while (json.nextToken() == JsonToken.FIELD_NAME) {
      String name = json.currentName();
      json.nextToken();
      if (name.equals("rows")) {
        rows = Optional.of(rows(json));
      } else {
        scalar(json).ifPresent(value -> fields.put(name, value));
      }
    }
    if (json.nextToken() != null) {
      throw refused(json, "there is more after the plan");
    }
    PlanFields all = new PlanFields(fields);
    try {
      if (all.natural("version") != JsonPlan.VERSION) {
        throw new IllegalArgumentException(
            "the version must be %d, not %s: another release of Coppice wrote it"
                .formatted(JsonPlan.VERSION, fields.get("version")));
      }
      LinearPlan plan =
          new LinearPlan(
              all.text("device"),
              all.text("key"),
              rows.orElseThrow(() -> new IllegalArgumentException("\"rows\" are missing")));
      requireOneChoice(plan);
      return plan;
    } catch (IllegalArgumentException e) {
      throw new InvalidPlanException(source + ": " + e.getMessage());
    }
  }

  private static void requireOneChoice(LinearPlan plan) {
    Set<List<Object>> chosen = new HashSet<>();
    for (LinearPlan.Row row : plan.rows()) {
      if (row.chosen() && !chosen.add(List.of(row.layer(), row.batch()))) {
        throw new IllegalArgumentException(
            "layer \"%s\" has two rows for batch %d that are chosen"
                .formatted(row.layer(), row.batch()));
      }
    }
  }

  private List<LinearPlan.Row> rows(JsonParser json) throws IOException {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      throw refused(json, "\"rows\" must be an array");
    }
    List<LinearPlan.Row> rows = new ArrayList<>();
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (rows.size() == MOST_ROWS) {
        throw refused(json, "a plan has at most " + MOST_ROWS + " rows");
      }
      if (json.currentToken() != JsonToken.START_OBJECT) {
        throw refused(json, "a row must be an object");
      }
      JsonLocation begin = json.currentTokenLocation();
      Map<String, Object> fields = new HashMap<>();
      while (json.nextToken() == JsonToken.FIELD_NAME) {
        String name = json.currentName();
        json.nextToken();
        scalar(json).ifPresent(value -> fields.put(name, value));
      }
      try {
        rows.add(new PlanFields(fields).row());
      } catch (IllegalArgumentException e) {
        throw refused(begin, String.valueOf(e.getMessage()));
      }
    }
    return rows;
  }

  /** Gives a text, a number or a truth value; passes over all else. */
  private static Optional<Object> scalar(JsonParser json) throws IOException {
    return switch (json.currentToken()) {
      case VALUE_STRING -> Optional.of(json.getText());
      case VALUE_TRUE, VALUE_FALSE -> Optional.of(json.getBooleanValue());
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
          Optional.of(new PlanFields.Numeral(json.getText()));
      default -> {
        json.skipChildren();
        yield Optional.empty();
      }
    };
  }

  private InvalidPlanException refused(JsonParser json, String message) {
    return refused(json.currentTokenLocation(), message);
  }

  private InvalidPlanException refused(@Nullable JsonLocation place, String message) {
    return new InvalidPlanException(
        place == null
            ? source + ": " + message
            : "%s:%d:%d: %s".formatted(source, place.getLineNr(), place.getColumnNr(), message));
  }
}
