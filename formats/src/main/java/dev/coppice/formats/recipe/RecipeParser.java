package dev.coppice.formats.recipe;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.coppice.InvalidPlanException;
import dev.coppice.NanPolicy;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads a recipe event by event: what is refused has a line and a column, and nothing that the
 * schema does not know is ever built, so neither aliases nor depth can blow up.
 */
final class RecipeParser {
  private static final Pattern WHOLE = Pattern.compile("-?(0|[1-9][0-9]{0,18})");
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d{1,4})?");

  private final YAMLParser yaml;
  private final String source;
  private @Nullable JsonToken token;

  /** Reads the value of one key; the parser stands at its first token. */
  @FunctionalInterface
  private interface Value {
    void read() throws IOException;
  }

  RecipeParser(YAMLParser yaml, String source) {
    this.yaml = yaml;
    this.source = source;
  }

  PruningPlan plan() throws IOException {
    long[] seed = {0};
    NanPolicy[] nan = {NanPolicy.REFUSE};
    List<Rule> rules = new ArrayList<>();
    Map<String, Value> keys = new LinkedHashMap<>();
    keys.put("seed", () -> seed[0] = wholeNumber("seed"));
    keys.put("nan", () -> nan[0] = nan());
    keys.put("rules", () -> list("rules", () -> rules.add(rule())));
    next();
    JsonLocation begin = here();
    map("a recipe", keys);
    if (rules.isEmpty()) {
      throw refused(begin, "a recipe needs rules, a list with at least one rule");
    }
    if (next() != null) {
      throw refused(here(), "a recipe is one document");
    }
    return new PruningPlan(rules, seed[0], nan[0]);
  }

  private NanPolicy nan() {
    String text = scalar();
    return switch (text) {
      case "refuse" -> NanPolicy.REFUSE;
      case "keep" -> NanPolicy.KEEP;
      default -> throw refused(here(), "nan must be refuse or keep, not \"" + text + "\"");
    };
  }

  private Rule rule() throws IOException {
    JsonLocation begin = here();
    RuleBuilder rule = new RuleBuilder();
    Map<String, Value> keys = new LinkedHashMap<>();
    keys.put("include", () -> globs("include", rule::include));
    keys.put("exclude", () -> globs("exclude", rule::exclude));
    keys.put("default_excludes", () -> rule.defaultExcludes(bool("default_excludes")));
    keys.put("criterion", () -> set(rule::criterion, scalar()));
    keys.put("pattern", () -> set(rule::pattern, scalar()));
    keys.put("scope", () -> set(rule::scope, scalar()));
    keys.put("sparsity", () -> set(rule::sparsity, number("sparsity")));
    keys.put("count", () -> set(rule::count, wholeNumber("count")));
    keys.put("max_per_tensor", () -> set(rule::maxPerTensor, number("max_per_tensor")));
    keys.put("output_axis", () -> set(rule::outputAxis, wholeNumber("output_axis")));
    keys.put("reduction_axis", () -> set(rule::reductionAxis, wholeNumber("reduction_axis")));
    map("a rule", keys);
    try {
      return rule.build();
    } catch (InvalidPlanException e) {
      throw refused(begin, e.getMessage());
    }
  }

  private <T> void set(Consumer<T> setter, T value) {
    try {
      setter.accept(value);
    } catch (InvalidPlanException e) {
      throw refused(here(), e.getMessage());
    }
  }

  private void globs(String key, Consumer<String> add) throws IOException {
    if (token == JsonToken.START_ARRAY) {
      list(key, () -> set(add, scalar()));
    } else {
      set(add, scalar());
    }
  }

  private void map(String what, Map<String, Value> keys) throws IOException {
    if (token != JsonToken.START_OBJECT) {
      throw refused(here(), what + " is a map with the keys " + String.join(", ", keys.keySet()));
    }
    Set<String> seen = new HashSet<>();
    while (next() == JsonToken.FIELD_NAME) {
      String key = yaml.currentName();
      Value value = keys.get(key);
      if (value == null) {
        throw refused(
            here(),
            "unknown key \"%s\" in %s; allowed are %s"
                .formatted(key, what, String.join(", ", keys.keySet())));
      }
      if (!seen.add(key)) {
        throw refused(here(), "the key \"" + key + "\" occurs twice");
      }
      next();
      value.read();
    }
  }

  private void list(String key, Value item) throws IOException {
    if (token != JsonToken.START_ARRAY) {
      throw refused(here(), key + " is a list");
    }
    while (next() != JsonToken.END_ARRAY) {
      item.read();
    }
  }

  private String scalar() {
    if (token != JsonToken.VALUE_STRING && !number()) {
      throw refused(here(), "a text is wanted here");
    }
    return text();
  }

  private boolean bool(String key) {
    if (token != JsonToken.VALUE_TRUE && token != JsonToken.VALUE_FALSE) {
      throw refused(here(), key + " must be true or false");
    }
    return token == JsonToken.VALUE_TRUE;
  }

  private long wholeNumber(String key) {
    if (token == JsonToken.VALUE_NUMBER_INT && WHOLE.matcher(text()).matches()) {
      try {
        return Long.parseLong(text());
      } catch (NumberFormatException e) {
        // Nineteen digits can be too large; refused below.
      }
    }
    throw refused(here(), key + " must be a whole number of 64 bits" + shown());
  }

  private double number(String key) {
    if (number() && NUMBER.matcher(text()).matches()) {
      return Double.parseDouble(text());
    }
    throw refused(here(), key + " must be a number in [0, 1]" + shown());
  }

  private boolean number() {
    return token == JsonToken.VALUE_NUMBER_INT || token == JsonToken.VALUE_NUMBER_FLOAT;
  }

  private String shown() {
    return token != null && token.isScalarValue() ? ", not \"" + text() + "\"" : "";
  }

  private String text() {
    try {
      return yaml.getText();
    } catch (IOException e) {
      throw refused(here(), problem(e));
    }
  }

  private @Nullable JsonToken next() throws IOException {
    try {
      token = yaml.nextToken();
    } catch (JsonProcessingException e) {
      JsonLocation at = e.getLocation();
      throw refused(at == null ? here() : at, problem(e));
    }
    if (token != null && (yaml.isCurrentAlias() || yaml.getObjectId() != null)) {
      throw refused(here(), "anchors and aliases are not used in recipes");
    }
    if (token != null && yaml.getTypeId() != null) {
      throw refused(here(), "tags are not used in recipes");
    }
    return token;
  }

  /** Says in one line what is wrong: the parser's message shows the place in several. */
  private static String problem(IOException e) {
    String message = e instanceof JsonProcessingException j ? j.getOriginalMessage() : "";
    String line =
        message
            .lines()
            .map(String::strip)
            .filter(l -> !l.isEmpty() && !l.startsWith("in '"))
            .limit(2)
            .reduce((a, b) -> a.startsWith("while ") ? a + ": " + b : a)
            .orElse("it cannot be read");
    return "this is not YAML: " + line;
  }

  private JsonLocation here() {
    return yaml.currentTokenLocation();
  }

  private InvalidPlanException refused(JsonLocation at, @Nullable String what) {
    StringBuilder line = new StringBuilder();
    String.valueOf(what)
        .codePoints()
        .limit(400)
        .map(c -> Character.isISOControl(c) ? '.' : c)
        .forEach(line::appendCodePoint);
    return new InvalidPlanException(
        "%s:%d:%d: %s"
            .formatted(source, Math.max(1, at.getLineNr()), Math.max(1, at.getColumnNr()), line));
  }
}
