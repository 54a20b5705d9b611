package dev.coppice.evaluation;

import dev.coppice.Criterion;
import dev.coppice.Pattern;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.PruningReport.TensorReport;
import dev.coppice.Rule;
import dev.coppice.Scope;

/**
 * One way to prune a model.
 *
 * @param name what it is called in a table
 * @param slug what it is called in a file's name
 */
record Variant(String name, String slug, Rule rule) {
  static Variant magnitude(int percent, Scope scope) {
    return new Variant(
        "magnitude " + percent + " %",
        "magnitude-" + percent,
        Rule.unstructured(percent / 100.0, scope));
  }

  static Variant random(int percent, Scope scope) {
    return new Variant(
        "random " + percent + " %",
        "random-" + percent,
        Rule.unstructured(percent / 100.0, scope).by(new Criterion.Random()));
  }

  static Variant twoOfFour() {
    return new Variant("2:4", "2of4", Rule.nOfM(2, 4));
  }

  boolean isControl() {
    return rule.criterion() instanceof Criterion.Random;
  }

  PruningPlan plan() {
    return PruningPlan.of(rule);
  }

  /** Gives how many weights the rule asks for, counted apart from the pruner. */
  long asked(PruningReport report) {
    if (rule.pattern() instanceof Pattern.Unstructured unstructured) {
      return unstructured.scope() == Scope.GLOBAL
          ? unstructured.amount().of(report.total())
          : report.tensors().stream()
              .mapToLong(TensorReport::total)
              .map(unstructured.amount()::of)
              .sum();
    }
    Pattern.NofM pattern = (Pattern.NofM) rule.pattern();
    return report.total() / pattern.m() * (pattern.m() - pattern.n());
  }
}
