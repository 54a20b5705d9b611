package dev.coppice.formats.recipe;

import dev.coppice.Amount;
import dev.coppice.Criterion;
import dev.coppice.InvalidPlanException;
import dev.coppice.Pattern;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Selector;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import org.jspecify.annotations.Nullable;

/**
 * A rule that is put together from text and numbers as people write them. Every method refuses a
 * value by itself with {@link InvalidPlanException}; {@link #build} refuses values that do not go
 * together. The messages call a value by its key in a recipe.
 */
public final class RuleBuilder {
  private static final java.util.regex.Pattern GROUPS =
      java.util.regex.Pattern.compile("(\\d{1,9}):(\\d{1,9})");
  private static final double ROUNDED = 1e-6;

  private final List<String> include = new ArrayList<>();
  private final List<String> exclude = new ArrayList<>();
  private Selector.Defaults defaults = Selector.Defaults.HOLD;
  private Criterion criterion = new Criterion.Magnitude();
  private Pattern.@Nullable NofM groups;
  private @Nullable Scope scope;
  private @Nullable Double sparsity;
  private @Nullable Long count;
  private OptionalDouble maxPerTensor = OptionalDouble.empty();
  private OptionalInt outputAxis = OptionalInt.empty();
  private OptionalInt reductionAxis = OptionalInt.empty();

  /** Takes tensors whose name matches, those of earlier calls among them. */
  public RuleBuilder include(String glob) {
    include.add(checked(glob));
    return this;
  }

  /** Leaves tensors alone whose name matches, those of earlier calls among them. */
  public RuleBuilder exclude(String glob) {
    exclude.add(checked(glob));
    return this;
  }

  private static String checked(String glob) {
    return new Selector(List.of(glob), List.of(), Selector.Defaults.HOLD).include().get(0);
  }

  /** Says whether the names that are left alone by default are left alone. */
  public RuleBuilder defaultExcludes(boolean hold) {
    defaults = hold ? Selector.Defaults.HOLD : Selector.Defaults.LIFTED;
    return this;
  }

  /** Takes {@code magnitude} or {@code random}. */
  public RuleBuilder criterion(String name) {
    criterion =
        switch (name) {
          case "magnitude" -> new Criterion.Magnitude();
          case "random" -> new Criterion.Random();
          default -> throw refused("criterion must be magnitude or random", name);
        };
    return this;
  }

  /** Takes {@code unstructured} or N:M, of which N are kept. */
  public RuleBuilder pattern(String text) {
    if (text.equals("unstructured")) {
      groups = null;
      return this;
    }
    Matcher matcher = GROUPS.matcher(text);
    if (!matcher.matches()) {
      throw refused("pattern must be unstructured or N:M, of which N are kept, such as 2:4", text);
    }
    MatchResult found = matcher.toMatchResult();
    groups =
        checked(
            () ->
                new Pattern.NofM(
                    Integer.parseInt(found.group(1)), Integer.parseInt(found.group(2))));
    return this;
  }

  /** Takes {@code tensor}, {@code global} or {@code row}. */
  public RuleBuilder scope(String name) {
    scope =
        switch (name) {
          case "tensor" -> Scope.TENSOR;
          case "global" -> Scope.GLOBAL;
          case "row" -> Scope.ROW;
          default -> throw refused("scope must be tensor, global or row", name);
        };
    return this;
  }

  /** Takes a share in [0, 1]. */
  public RuleBuilder sparsity(double share) {
    sparsity = checked(() -> new Amount.Fraction(share)).value();
    return this;
  }

  /** Takes a number of weights of each scope. */
  public RuleBuilder count(long weights) {
    count = checked(() -> new Amount.Count(weights)).value();
    return this;
  }

  /** Takes the largest share of one tensor that may go under scope global. */
  public RuleBuilder maxPerTensor(double share) {
    checked(
        () ->
            new Pattern.Unstructured(Scope.GLOBAL, new Amount.Count(0), OptionalDouble.of(share)));
    maxPerTensor = OptionalDouble.of(share);
    return this;
  }

  /** Takes the axis whose indices are the rows. */
  public RuleBuilder outputAxis(long axis) {
    outputAxis = OptionalInt.of(axis("output_axis", axis));
    return this;
  }

  /** Takes the axis along which N:M groups lie. */
  public RuleBuilder reductionAxis(long axis) {
    reductionAxis = OptionalInt.of(axis("reduction_axis", axis));
    return this;
  }

  private static int axis(String key, long axis) {
    if (axis < 0 || axis > 63) {
      throw new InvalidPlanException(key + " must be a whole number from 0 to 63, not " + axis);
    }
    return (int) axis;
  }

  /** Makes the rule. */
  public Rule build() {
    Pattern pattern = groups == null ? unstructured() : groups(groups);
    Selector selector = new Selector(include, exclude, defaults);
    return new Rule(selector, criterion, pattern, outputAxis, reductionAxis);
  }

  private Pattern unstructured() {
    if ((sparsity == null) == (count == null)) {
      throw new InvalidPlanException(
          "pattern unstructured needs "
              + (sparsity == null ? "sparsity or count" : "either sparsity or count, not both"));
    }
    Amount amount = sparsity == null ? countOf(count) : new Amount.Fraction(sparsity);
    return checked(
        () -> new Pattern.Unstructured(scope == null ? Scope.TENSOR : scope, amount, maxPerTensor));
  }

  private static Amount countOf(@Nullable Long count) {
    return new Amount.Count(count == null ? 0 : count);
  }

  private Pattern groups(Pattern.NofM pattern) {
    String name = "pattern %d:%d".formatted(pattern.n(), pattern.m());
    if (scope != null) {
      throw new InvalidPlanException(
          name + " has no scope: weights compete within their group; leave scope out");
    }
    if (count != null || maxPerTensor.isPresent()) {
      throw new InvalidPlanException(
          name + " goes with neither count nor max_per_tensor: it fixes what every group keeps");
    }
    if (sparsity != null && Math.abs(sparsity - pattern.sparsity()) > ROUNDED) {
      throw new InvalidPlanException(
          "%s implies sparsity %s, not %s; leave sparsity out"
              .formatted(name, pattern.sparsity(), sparsity));
    }
    return pattern;
  }

  private static InvalidPlanException refused(String rule, String text) {
    return new InvalidPlanException(rule + ", not \"" + text + "\"");
  }

  private interface Maker<T> {
    T make();
  }

  private static <T> T checked(Maker<T> maker) {
    try {
      return maker.make();
    } catch (InvalidPlanException e) {
      throw e;
    } catch (IllegalArgumentException e) {
      throw new InvalidPlanException(String.valueOf(e.getMessage()));
    }
  }
}
