package dev.coppice;

import java.util.List;

/**
 * What is done to a model: rules in their order, of which the first that matches a tensor takes it.
 *
 * @param rules at least one
 * @param seed of the random criterion
 * @param nan what to do with NaN weights
 */
public record PruningPlan(List<Rule> rules, long seed, NanPolicy nan) {
  /** Copies the rules and refuses a plan without any. */
  public PruningPlan {
    rules = List.copyOf(rules);
    if (rules.isEmpty()) {
      throw new InvalidPlanException("a plan needs at least one rule");
    }
  }

  /** Makes a plan with seed 0 that refuses NaN. */
  public static PruningPlan of(Rule... rules) {
    return new PruningPlan(List.of(rules), 0, NanPolicy.REFUSE);
  }

  /** Gives this plan with another seed. */
  public PruningPlan withSeed(long other) {
    return new PruningPlan(rules, other, nan);
  }

  /** Gives this plan with another policy for NaN. */
  public PruningPlan withNan(NanPolicy other) {
    return new PruningPlan(rules, seed, other);
  }
}
