package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** SPEC.md, "Which tensors" and what "Axes" and N:M ask of a rule, sentence by sentence. */
class SelectionTest {
  private static final Rule HALF = Rule.unstructured(0.5);

  @ParameterizedTest
  @EnumSource
  void everyTypeThatCanBePrunedIsTaken(DType dtype) {
    CheckpointTensor tensor =
        new CheckpointTensor(
            "w",
            "",
            dtype.name(),
            Optional.of(dtype),
            Shape.of(4, 4),
            16L * dtype.bytes(),
            new Role.Weight(new Axes(0, 1)));
    assertThat(taken(List.of(tensor), HALF)).containsExactly("w");
  }

  @Test
  void otherTypesAreLeftAloneWhateverARuleSays() {
    CheckpointTensor ids =
        new CheckpointTensor(
            "ids",
            "",
            "I64",
            Optional.empty(),
            Shape.of(4, 4),
            128,
            new Role.Weight(new Axes(0, 1)));
    List<CheckpointTensor> model = List.of(ids, weight("w", 4, 4));
    assertThat(reason("ids", model, HALF)).isEqualTo("type I64 is not pruned");
    assertThat(reason("ids", model, HALF.include("*"))).isEqualTo("type I64 is not pruned");
  }

  @Test
  void byDefaultRankTwoAndMoreIsTaken() {
    List<CheckpointTensor> model =
        List.of(
            weight("bias", 8),
            weight("linear", 8, 8),
            weight("conv", 8, 8, 3, 3),
            weight("conv3d", 8, 8, 3, 3, 3));
    assertThat(taken(model, HALF)).containsExactly("linear", "conv", "conv3d");
    assertThat(reason("bias", model, HALF)).isEqualTo("rank 1 is below 2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "embed",
        "model.embedding.weight",
        "embeddings.position.weight",
        "model.embed_tokens.weight",
        "transformer.wte.weight",
        "transformer.wpe.weight",
        "layers.0.norm.weight",
        "layers.0.post_norm.weight",
        "layers.0.LayerNorm.weight",
        "layers.0.input_layernorm.weight",
        "h.0.ln_1.weight",
        "h.0.ln_2.weight",
        "h.ln_f.weight",
        "lm_head.weight",
        "LM_HEAD.weight",
        "mlp.router.weight",
        "mlp.gate_inp.weight",
        "encoder/pooler/dense/kernel",
        "a/b.PatchEmbed/c",
      })
  void aSegmentThatIsOrEndsInADefaultExclusionIsLeftAlone(String name) {
    List<CheckpointTensor> model = List.of(weight(name, 8, 8), weight("w", 8, 8));
    assertThat(taken(model, HALF)).containsExactly("w");
    assertThat(reason(name, model, HALF)).endsWith("is excluded by default");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "embedder.weight",
        "norms.weight",
        "norm_in.weight",
        "ln_10.weight",
        "routers",
        "lm_head_2.weight",
        "pooler-dense",
        "normalize/dense",
      })
  void aSegmentThatOnlyHoldsADefaultExclusionIsTaken(String name) {
    assertThat(taken(List.of(weight(name, 8, 8)), HALF)).containsExactly(name);
  }

  @Test
  void theReasonGivesTheSegmentAsItIsWritten() {
    List<CheckpointTensor> model = List.of(weight("x.MyNorm.weight", 8, 8), weight("w", 8, 8));
    assertThat(reason("x.MyNorm.weight", model, HALF))
        .isEqualTo("\"MyNorm\" is excluded by default");
  }

  @Test
  void includeReplacesTheDefaultByNameAndRank() {
    List<CheckpointTensor> model =
        List.of(weight("norm.weight", 8), weight("lm_head.weight", 8, 8), weight("q.weight", 8, 8));
    assertThat(taken(model, HALF.include("norm.*", "lm_head.weight")))
        .containsExactly("norm.weight", "lm_head.weight");
    assertThat(reason("q.weight", model, HALF.include("norm.*"))).isEqualTo("not included");
  }

  @Test
  void excludeNarrowsWhatIncludeTakes() {
    List<CheckpointTensor> model = List.of(weight("a.norm.w", 8, 8), weight("b.norm.w", 8, 8));
    Rule rule = HALF.include("*.norm.*").exclude("a.*");
    assertThat(taken(model, rule)).containsExactly("b.norm.w");
    assertThat(reason("a.norm.w", model, rule)).isEqualTo("excluded");
  }

  @Test
  void excludeNarrowsTheDefaultAndTheDefaultExclusionsHoldWithIt() {
    List<CheckpointTensor> model =
        List.of(weight("a", 8, 8), weight("b", 8, 8), weight("norm", 8, 8), weight("bias", 8));
    assertThat(taken(model, HALF.exclude("a"))).containsExactly("b");
  }

  @Test
  void liftedDefaultExclusionsLeaveTheRankAsItWas() {
    List<CheckpointTensor> model =
        List.of(weight("norm", 8, 8), weight("embed.weight", 8, 8), weight("bias", 8));
    Rule rule = HALF.on(new Selector(List.of(), List.of(), Selector.Defaults.LIFTED));
    assertThat(taken(model, rule)).containsExactly("norm", "embed.weight");
  }

  @Test
  void whatTheFormatKnowsToBeNoWeightIsLeftAloneWhateverARuleSays() {
    CheckpointTensor shape = withRole("shape", new Role.Other("no operator multiplies it"), 8, 8);
    List<CheckpointTensor> model = List.of(shape, weight("w", 8, 8));
    assertThat(taken(model, HALF.include("*"))).containsExactly("w");
    assertThat(reason("shape", model, HALF)).isEqualTo("no operator multiplies it");
  }

  @Test
  void aTensorBelongsToTheFirstRuleThatMatchesIt() {
    List<CheckpointTensor> model = List.of(weight("a", 8, 8), weight("b", 8, 8));
    Selection selection =
        Selection.of(model, PruningPlan.of(HALF.include("b"), Rule.nOfM(2, 4).include("{a,b}")));
    assertThat(selection.taken()).extracting(Selection.Taken::rule).containsExactly(1, 0);
  }

  @Test
  void aTensorThatItsFirstRuleLeavesAloneIsNotTakenByALaterOne() {
    List<CheckpointTensor> model = List.of(weight("a", 8, 6), weight("b", 8, 8), weight("c", 8, 8));
    assertThat(taken(model, Rule.nOfM(2, 4).include("{a,b}"), HALF)).containsExactly("b", "c");
  }

  @Test
  void aRuleThatMatchesNothingIsRefused() {
    List<CheckpointTensor> model = List.of(weight("a", 8, 8), weight("norm", 8, 8));
    assertRefused(model, "include [x*]", HALF.include("x*"));
    assertRefused(model, "the plan matches no tensor", HALF.include("a").exclude("*"));
    assertRefused(model, "rule 2 of the plan matches no tensor", HALF, HALF.include("x"));
    assertRefused(List.of(weight("norm", 8, 8)), "matches no tensor that can be pruned", HALF);
    assertRefused(List.of(), "matches no tensor that can be pruned", HALF);
  }

  @Test
  void aRuleThatIsWhollyShadowedIsRefused() {
    List<CheckpointTensor> model = List.of(weight("a", 8, 8), weight("b", 8, 8));
    assertRefused(model, "rule 2 of the plan is shadowed", HALF, HALF.include("a"));
    assertRefused(
        model, "rule 3 of the plan is shadowed", HALF.include("a"), HALF.include("b"), HALF);
    assertThat(taken(model, HALF.include("a"), HALF)).containsExactly("a", "b");
  }

  @Test
  void aReductionAxisThatGroupsDoNotDivideIsLeftAlone() {
    List<CheckpointTensor> model =
        List.of(weight("odd", 8, 6), weight("even", 6, 8), weight("conv", 6, 4, 3, 3));
    assertThat(taken(model, Rule.nOfM(2, 4))).containsExactly("even", "conv");
    assertThat(reason("odd", model, Rule.nOfM(2, 4).include("*")))
        .isEqualTo("its reduction axis has 6 elements, not a multiple of 4");
  }

  @Test
  void aReductionAxisThatGroupsDoNotDivideIsRefusedIfTheRuleNamesTheTensor() {
    List<CheckpointTensor> model = List.of(weight("odd", 8, 6), weight("even", 6, 8));
    assertRefused(
        model,
        "tensor \"odd\": its reduction axis has 6 elements, not a multiple of 4",
        Rule.nOfM(2, 4).include("e*", "odd"));
  }

  @Test
  void aRuleSetsEitherAxis() {
    CheckpointTensor tensor = weight("w", 6, 8, 10);
    assertThat(axes(tensor, HALF)).isEqualTo(new Axes(0, 1));
    assertThat(axes(tensor, HALF.axes(2, 0))).isEqualTo(new Axes(2, 0));
    assertThat(axes(tensor, withAxes(OptionalInt.of(2), OptionalInt.empty())))
        .isEqualTo(new Axes(2, 1));
    assertThat(axes(tensor, withAxes(OptionalInt.empty(), OptionalInt.of(2))))
        .isEqualTo(new Axes(0, 2));
  }

  @Test
  void groupsAreCountedAlongTheAxisThatTheRuleSets() {
    List<CheckpointTensor> model = List.of(weight("w", 8, 6));
    assertThat(taken(model, Rule.nOfM(2, 4).axes(1, 0))).containsExactly("w");
    assertRefused(model, "not a multiple of 4", Rule.nOfM(2, 4).axes(0, 1).include("w"));
  }

  @Test
  void anAxisThatATensorDoesNotHaveIsRefused() {
    assertRefused(
        List.of(weight("w", 8, 8)), "tensor \"w\" of rank 2 has no axis 2", HALF.axes(0, 2));
    assertThatThrownBy(() -> HALF.axes(-1, 0)).isInstanceOf(InvalidPlanException.class);
  }

  @Test
  void axesThatCannotBeToldNeedARuleThatSetsBoth() {
    CheckpointTensor unclear = withRole("w", new Role.Ambiguous("its nodes disagree"), 8, 8);
    List<CheckpointTensor> model = List.of(unclear, weight("v", 8, 8));
    String reason = "its nodes disagree; a rule that sets both axes may take it";
    assertThat(reason("w", model, HALF)).isEqualTo(reason);
    assertThat(reason("w", model, withAxes(OptionalInt.of(1), OptionalInt.empty())))
        .isEqualTo(reason);
    assertThat(axes(unclear, HALF.axes(1, 0))).isEqualTo(new Axes(1, 0));
  }

  @Test
  void whatHasNoElementsOrNoAxesIsLeftAlone() {
    List<CheckpointTensor> model =
        List.of(weight("empty", 0, 8), weight("scalar"), weight("w", 8, 8));
    assertThat(taken(model, HALF.include("*"))).containsExactly("w");
    assertThat(reason("empty", model, HALF)).isEqualTo("it has no elements");
    assertThat(reason("scalar", model, HALF.include("*"))).isEqualTo("it is a scalar");
  }

  @Test
  void everyTensorIsEitherTakenOrLeftAloneInTheModelsOrder() {
    List<CheckpointTensor> model =
        List.of(weight("z", 8, 8), weight("bias", 8), weight("a", 8, 8), weight("norm", 8, 8));
    Selection selection = Selection.of(model, PruningPlan.of(HALF));
    assertThat(selection.taken()).extracting(t -> t.tensor().name()).containsExactly("z", "a");
    assertThat(selection.leftAlone())
        .extracting(t -> t.tensor().name())
        .containsExactly("bias", "norm");
  }

  private static CheckpointTensor weight(String name, long... shape) {
    return withRole(name, new Role.Weight(new Axes(0, shape.length < 2 ? 0 : 1)), shape);
  }

  private static CheckpointTensor withRole(String name, Role role, long... shape) {
    Shape of = Shape.of(shape);
    return new CheckpointTensor(
        name, "", "F32", Optional.of(DType.F32), of, 4 * of.elements(), role);
  }

  private static Rule withAxes(OptionalInt output, OptionalInt reduction) {
    return new Rule(HALF.selector(), HALF.criterion(), HALF.pattern(), output, reduction);
  }

  private static List<String> taken(List<CheckpointTensor> model, Rule... rules) {
    return Selection.of(model, PruningPlan.of(rules)).taken().stream()
        .map(t -> t.tensor().name())
        .toList();
  }

  private static Axes axes(CheckpointTensor tensor, Rule rule) {
    return Selection.of(List.of(tensor), PruningPlan.of(rule)).taken().get(0).axes();
  }

  private static String reason(String name, List<CheckpointTensor> model, Rule rule) {
    return Selection.of(model, PruningPlan.of(rule)).leftAlone().stream()
        .filter(t -> t.tensor().name().equals(name))
        .findFirst()
        .orElseThrow()
        .reason();
  }

  private static void assertRefused(List<CheckpointTensor> model, String why, Rule... rules) {
    PruningPlan plan = PruningPlan.of(rules);
    assertThatThrownBy(() -> Selection.of(model, plan))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining(why);
  }
}
