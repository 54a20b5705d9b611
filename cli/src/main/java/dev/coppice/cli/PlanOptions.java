package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.NanPolicy;
import dev.coppice.PruningPlan;
import dev.coppice.formats.recipe.Recipe;
import dev.coppice.formats.recipe.RuleBuilder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say what is pruned: a plan of one rule, or a recipe. */
final class PlanOptions {
  private static final Pattern NUMBER =
      Pattern.compile("[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d{1,4})?");

  /** Words that a shell can complete. */
  abstract static class Words extends ArrayList<String> {
    private static final long serialVersionUID = 1;

    Words(String... words) {
      super(List.of(words));
    }
  }

  static final class Criteria extends Words {
    private static final long serialVersionUID = 1;

    Criteria() {
      super("magnitude", "random");
    }
  }

  static final class Patterns extends Words {
    private static final long serialVersionUID = 1;

    Patterns() {
      super("unstructured", "1:4", "2:4", "4:8");
    }
  }

  static final class Scopes extends Words {
    private static final long serialVersionUID = 1;

    Scopes() {
      super("tensor", "global", "row");
    }
  }

  static final class NanPolicies extends Words {
    private static final long serialVersionUID = 1;

    NanPolicies() {
      super("refuse", "keep");
    }
  }

  @Option(
      names = "--sparsity",
      paramLabel = "S",
      description =
          "Share of the weights to prune, from 0 to 1. Required, except for an N:M pattern, which"
              + " implies it, and with --recipe.")
  @Nullable String sparsity;

  @Option(
      names = "--criterion",
      paramLabel = "CRITERION",
      completionCandidates = Criteria.class,
      description = "magnitude (default) or random: which weights go first.")
  @Nullable String criterion;

  @Option(
      names = "--pattern",
      paramLabel = "P",
      completionCandidates = Patterns.class,
      description =
          "unstructured (default), or N:M: of every M consecutive weights along the reduction axis,"
              + " the N largest are kept.")
  @Nullable String pattern;

  @Option(
      names = "--scope",
      paramLabel = "SCOPE",
      completionCandidates = Scopes.class,
      description =
          "tensor (default), global or row: within what the sparsity is reached. Not with N:M.")
  @Nullable String scope;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description =
          "Prune the tensors whose whole name matches, whatever their rank: end it in .weight to"
              + " spare biases. Otherwise all of rank 2 or more. * stands for any characters, ? for"
              + " one, {a,b} for either. May be repeated.")
  List<String> include = new ArrayList<>();

  @Option(
      names = "--exclude",
      paramLabel = "GLOB",
      description = "Leave tensors alone whose whole name matches. May be repeated.")
  List<String> exclude = new ArrayList<>();

  @Option(
      names = "--no-default-excludes",
      description =
          "Prune what is named like an embedding, norm, head or router too (docs/recipes.md lists"
              + " the names); it is left alone by default.")
  boolean noDefaultExcludes;

  @Option(
      names = "--max-per-tensor",
      paramLabel = "S",
      description = "With --scope global, the largest share of one tensor that may go.")
  @Nullable String maxPerTensor;

  @Option(
      names = "--recipe",
      paramLabel = "FILE.yaml",
      description =
          "Take the plan from a recipe. --seed and --nan override the recipe's; the options above"
              + " cannot be given with it.")
  @Nullable Path recipe;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the random criterion (default: 0).")
  @Nullable Long seed;

  @Option(
      names = "--nan",
      paramLabel = "POLICY",
      completionCandidates = NanPolicies.class,
      description =
          "refuse (default): a NaN weight ends the command. keep: NaN weights stay and do not"
              + " count.")
  @Nullable String nan;

  /** Makes the plan. */
  PruningPlan plan() throws IOException {
    PruningPlan plan = recipe == null ? ownPlan() : fromRecipe(recipe);
    plan = seed == null ? plan : plan.withSeed(seed);
    return nan == null ? plan : plan.withNan(policy(nan));
  }

  private PruningPlan fromRecipe(Path file) throws IOException {
    Map<String, Boolean> given = new LinkedHashMap<>();
    given.put("--sparsity", sparsity != null);
    given.put("--criterion", criterion != null);
    given.put("--pattern", pattern != null);
    given.put("--scope", scope != null);
    given.put("--include", !include.isEmpty());
    given.put("--exclude", !exclude.isEmpty());
    given.put("--no-default-excludes", noDefaultExcludes);
    given.put("--max-per-tensor", maxPerTensor != null);
    List<String> clashing =
        given.entrySet().stream().filter(Map.Entry::getValue).map(Map.Entry::getKey).toList();
    if (!clashing.isEmpty()) {
      throw new InvalidPlanException(
          "--recipe says what is pruned; leave out " + String.join(", ", clashing));
    }
    return Models.input(file, Recipe::read);
  }

  private PruningPlan ownPlan() {
    RuleBuilder rule = new RuleBuilder().defaultExcludes(!noDefaultExcludes);
    include.forEach(rule::include);
    exclude.forEach(rule::exclude);
    if (criterion != null) {
      rule.criterion(criterion);
    }
    if (pattern != null) {
      rule.pattern(pattern);
    }
    if (scope != null) {
      rule.scope(scope);
    }
    if (maxPerTensor != null) {
      rule.maxPerTensor(share("--max-per-tensor", maxPerTensor));
    }
    if (sparsity != null) {
      rule.sparsity(share("--sparsity", sparsity));
    } else if (pattern == null || pattern.equals("unstructured")) {
      throw new InvalidPlanException(
          "--sparsity is required, from 0 to 1; only an N:M pattern or a recipe goes without it");
    }
    return PruningPlan.of(rule.build());
  }

  static double share(String option, String text) {
    double share = NUMBER.matcher(text).matches() ? Double.parseDouble(text) : Double.NaN;
    if (!(share >= 0 && share <= 1)) {
      throw new InvalidPlanException(
          option + " must be a number in [0, 1], such as 0.5 for half, not \"" + text + "\"");
    }
    return share;
  }

  private static NanPolicy policy(String name) {
    return switch (name) {
      case "refuse" -> NanPolicy.REFUSE;
      case "keep" -> NanPolicy.KEEP;
      default ->
          throw new InvalidPlanException("--nan must be refuse or keep, not \"" + name + "\"");
    };
  }
}
