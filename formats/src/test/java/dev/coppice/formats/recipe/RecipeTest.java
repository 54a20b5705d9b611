package dev.coppice.formats.recipe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.Amount;
import dev.coppice.Criterion;
import dev.coppice.InvalidPlanException;
import dev.coppice.NanPolicy;
import dev.coppice.Pattern;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Selector;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class RecipeTest {
  @TempDir Path folder;

  @Test
  void everyKeyIsRead() throws IOException {
    PruningPlan plan =
        Recipe.parse(
            """
            seed: 42
            nan: keep
            rules:
              - include: ["*.mlp.*", model.head]
                exclude: "*bias"
                default_excludes: false
                criterion: random
                pattern: unstructured
                scope: global
                sparsity: 0.625
                max_per_tensor: 0.9
              - include: "*.attn.*"
                pattern: 2:4
                output_axis: 1
                reduction_axis: 0
              - {count: 7, scope: row}
            """,
            "recipe.yaml");
    assertThat(plan)
        .isEqualTo(
            new PruningPlan(
                List.of(
                    new Rule(
                        new Selector(
                            List.of("*.mlp.*", "model.head"),
                            List.of("*bias"),
                            Selector.Defaults.LIFTED),
                        new Criterion.Random(),
                        new Pattern.Unstructured(
                            Scope.GLOBAL, new Amount.Fraction(0.625), OptionalDouble.of(0.9)),
                        OptionalInt.empty(),
                        OptionalInt.empty()),
                    Rule.nOfM(2, 4).include("*.attn.*").axes(1, 0),
                    Rule.of(new Pattern.Unstructured(Scope.ROW, new Amount.Count(7)))),
                42,
                NanPolicy.KEEP));
  }

  @Test
  void defaultsAreThoseOfTheCommandLine() throws IOException {
    assertThat(Recipe.parse("rules: [{sparsity: .5}]", "r"))
        .isEqualTo(PruningPlan.of(Rule.unstructured(0.5)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"2:4", "\"2:4\"", "'2:4'"})
  void aPatternNeedsNoQuotes(String pattern) throws IOException {
    assertThat(Recipe.parse("rules: [{pattern: " + pattern + "}]", "r").rules())
        .containsExactly(Rule.nOfM(2, 4));
  }

  @Test
  void aSparsityThatAgreesWithThePatternIsAccepted() throws IOException {
    assertThat(Recipe.parse("rules: [{pattern: 1:4, sparsity: 0.75}]", "r").rules())
        .containsExactly(Rule.nOfM(1, 4));
  }

  static Stream<Arguments> refusals() {
    return Stream.of(
        refusal("", "r:1:1: a recipe is a map with the keys seed, nan, rules"),
        refusal("- 1", "r:1:1: a recipe is a map with the keys seed, nan, rules"),
        refusal("seed: 1", "r:1:1: a recipe needs rules, a list with at least one rule"),
        refusal("rules: []", "r:1:1: a recipe needs rules, a list with at least one rule"),
        refusal("rules: 3", "r:1:8: rules is a list"),
        refusal("rules:\n  - 3", "r:2:5: a rule is a map with the keys include, "),
        refusal("seed: 1\nsedd: 2", "r:2:1: unknown key \"sedd\" in a recipe; allowed are seed, "),
        refusal("rules:\n- {sparsty: 1}", "r:2:4: unknown key \"sparsty\" in a rule; allowed are "),
        refusal("<<: {}\nseed: 1", "r:1:1: unknown key \"<<\""),
        refusal("seed: 1\nseed: 1", "r:2:1: the key \"seed\" occurs twice"),
        refusal("rules:\n- sparsity: 0.5\n  sparsity: 0.5", "r:3:3: the key \"sparsity\" occurs "),
        refusal("seed: x", "r:1:7: seed must be a whole number of 64 bits, not \"x\""),
        refusal("seed: 010", "r:1:7: seed must be a whole number of 64 bits, not \"010\""),
        refusal("seed: 1_0", "r:1:7: seed must be a whole number of 64 bits, not \"1_0\""),
        refusal("seed: 9223372036854775808", "r:1:7: seed must be a whole number of 64 bits"),
        refusal("seed: [1]", "r:1:7: seed must be a whole number of 64 bits"),
        refusal("nan: drop", "r:1:6: nan must be refuse or keep, not \"drop\""),
        refusal("nan: ~", "r:1:6: a text is wanted here"),
        rule("sparsity: 1.5", "r:1:20: sparsity must be in [0, 1], not 1.5"),
        rule("sparsity: -0.1", "r:1:20: sparsity must be in [0, 1], not -0.1"),
        rule("sparsity: .nan", "r:1:20: sparsity must be a number in [0, 1], not \".nan\""),
        rule("sparsity: 50%", "r:1:20: sparsity must be a number in [0, 1], not \"50%\""),
        rule("sparsity: \"0.5\"", "r:1:20: sparsity must be a number in [0, 1], not \"0.5\""),
        rule("count: -1", "r:1:17: a count must be 0 or more, not -1"),
        rule("count: 0.5", "r:1:17: count must be a whole number of 64 bits, not \"0.5\""),
        rule("sparsity: 0.5, count: 3", "r:1:9: pattern unstructured needs either sparsity or "),
        rule("scope: tensor", "r:1:9: pattern unstructured needs sparsity or count"),
        rule("criterion: wanda", "r:1:21: criterion must be magnitude or random, not \"wanda\""),
        rule("scope: layer", "r:1:17: scope must be tensor, global or row, not \"layer\""),
        rule("pattern: 2-4", "r:1:19: pattern must be unstructured or N:M, of which N are kept"),
        rule("pattern: 4:2", "r:1:19: an N:M pattern keeps N of M weights, 1 <= N < M <= 32"),
        rule("pattern: 2:4, scope: row", "r:1:9: pattern 2:4 has no scope"),
        rule("pattern: 2:4, sparsity: 0.6", "r:1:9: pattern 2:4 implies sparsity 0.5, not 0.6"),
        rule("pattern: 2:4, count: 6", "r:1:9: pattern 2:4 goes with neither count nor "),
        rule("max_per_tensor: 2", "r:1:26: max_per_tensor must be in [0, 1], not 2.0"),
        rule("sparsity: 1, max_per_tensor: 1", "r:1:9: max_per_tensor goes with scope global "),
        rule("output_axis: -1", "r:1:23: output_axis must be a whole number from 0 to 63, not -1"),
        rule("default_excludes: 0", "r:1:28: default_excludes must be true or false"),
        rule("include: [\"{a\"]", "r:1:20: glob \"{a\" opens a brace it never closes"),
        rule("include: [[a]]", "r:1:20: a text is wanted here"),
        refusal("rules: &r []", "r:1:8: anchors and aliases are not used in recipes"),
        refusal("seed: *r", "r:1:7: anchors and aliases are not used in recipes"),
        refusal("seed: !!int 1", "r:1:7: tags are not used in recipes"),
        refusal("rules: [{sparsity: 1}]\n---\nseed: 1", "r:3:1: a recipe is one document"),
        refusal("rules: [", "r:1:9: this is not YAML: while parsing a flow node"),
        refusal("\tseed: 1", "r:1:1: this is not YAML: "),
        refusal("seed: \"\u0000\"", "r:1:1: this is not YAML: "));
  }

  private static Arguments rule(String fields, String message) {
    return refusal("rules: [{" + fields + "}]", message);
  }

  private static Arguments refusal(String yaml, String message) {
    return Arguments.of(yaml, message);
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void whatIsRefusedIsRefusedInOneLineWithItsPlace(String yaml, String message) {
    assertThatThrownBy(() -> Recipe.parse(yaml, "r"))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageStartingWith(message)
        .hasMessageNotContaining("\n");
  }

  @Test
  void aBillionLaughsAreRefusedAtTheFirst() {
    String laughs =
        """
        a: &a [x, x]
        b: &b [*a, *a]
        c: &c [*b, *b]
        rules: [{sparsity: 1}]
        """;
    assertThatThrownBy(() -> Recipe.parse(laughs, "r"))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageStartingWith("r:1:1: unknown key \"a\"");
  }

  @Test
  void deepNestingIsRefusedWhereItBegins() {
    String deep = "rules: " + "[".repeat(100_000);
    assertThatThrownBy(() -> Recipe.parse(deep, "r"))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageStartingWith("r:1:9: a rule is a map");
  }

  @Test
  void aFileAboveAMebibyteIsRefused() throws IOException {
    Path file = folder.resolve("large.yaml");
    Files.writeString(file, "#" + " ".repeat(Recipe.LARGEST));
    assertThatThrownBy(() -> Recipe.read(file))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("at most 1048576 bytes");
  }

  @Test
  void aFileThatIsNotUtf8IsRefused() throws IOException {
    Path file = folder.resolve("latin.yaml");
    Files.write(file, "seed: \u00e4".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> Recipe.read(file))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageEndingWith("a recipe is a text in UTF-8, and this is not");
  }

  @Test
  void aFileIsReadWithItsNameInMessages() throws IOException {
    Path file = folder.resolve("recipe.yaml");
    Files.writeString(file, "rules: [{sparsity: 0.5}]\nextra: 1\n");
    assertThatThrownBy(() -> Recipe.read(file))
        .hasMessageStartingWith(file + ":2:1: unknown key \"extra\"");
  }
}
