package dev.coppice;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * What is done to some of a model's tensors.
 *
 * @param selector which tensors
 * @param criterion how their weights are scored
 * @param pattern which may go, and how much
 * @param outputAxis the output axis, where the format's own is not wanted
 * @param reductionAxis the reduction axis, likewise
 */
public record Rule(
    Selector selector,
    Criterion criterion,
    Pattern pattern,
    OptionalInt outputAxis,
    OptionalInt reductionAxis) {

  /** Refuses negative axes. */
  public Rule {
    if (outputAxis.orElse(0) < 0 || reductionAxis.orElse(0) < 0) {
      throw new InvalidPlanException("axes are counted from 0");
    }
  }

  /**
   * Prunes the smallest {@code sparsity} of the magnitudes of every tensor that is taken by
   * default.
   */
  public static Rule unstructured(double sparsity) {
    return of(new Pattern.Unstructured(Scope.TENSOR, new Amount.Fraction(sparsity)));
  }

  /** Prunes the smallest {@code sparsity} of the magnitudes of each scope. */
  public static Rule unstructured(double sparsity, Scope scope) {
    return of(new Pattern.Unstructured(scope, new Amount.Fraction(sparsity)));
  }

  /** Keeps the {@code n} largest magnitudes of every {@code m} consecutive weights. */
  public static Rule nOfM(int n, int m) {
    return of(new Pattern.NofM(n, m));
  }

  /** Prunes by magnitude, in that pattern, every tensor that is taken by default. */
  public static Rule of(Pattern pattern) {
    return new Rule(
        Selector.DEFAULT,
        new Criterion.Magnitude(),
        pattern,
        OptionalInt.empty(),
        OptionalInt.empty());
  }

  /** Gives this rule with another criterion. */
  public Rule by(Criterion other) {
    return new Rule(selector, other, pattern, outputAxis, reductionAxis);
  }

  /** Gives this rule for other tensors. */
  public Rule on(Selector other) {
    return new Rule(other, criterion, pattern, outputAxis, reductionAxis);
  }

  /**
   * Gives this rule for tensors whose name matches one of the globs, those already included among
   * them.
   */
  public Rule include(String... globs) {
    return on(
        new Selector(joined(selector.include(), globs), selector.exclude(), selector.defaults()));
  }

  /** Gives this rule without tensors whose name matches one of the globs. */
  public Rule exclude(String... globs) {
    return on(
        new Selector(selector.include(), joined(selector.exclude(), globs), selector.defaults()));
  }

  /** Gives this rule with these axes instead of the format's. */
  public Rule axes(int output, int reduction) {
    return new Rule(
        selector, criterion, pattern, OptionalInt.of(output), OptionalInt.of(reduction));
  }

  private static List<String> joined(List<String> globs, String... more) {
    List<String> all = new ArrayList<>(globs);
    all.addAll(List.of(more));
    return all;
  }
}
