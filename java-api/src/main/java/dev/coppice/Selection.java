package dev.coppice;

import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.Weights;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Which rule takes which tensor of a model, and why the others are left alone (SPEC.md, "Which
 * tensors").
 *
 * @param taken the tensors that are pruned, in the model's order
 * @param leftAlone the others
 */
public record Selection(List<Taken> taken, List<LeftAlone> leftAlone) {
  /** A tensor that the rule of that index prunes, along these axes. */
  public record Taken(CheckpointTensor tensor, int rule, Axes axes) {}

  /** A tensor that is left alone, and why. */
  public record LeftAlone(CheckpointTensor tensor, String reason) {}

  /** A rule's verdict on a tensor; with neither axes nor reason it says nothing about it. */
  private record Verdict(Optional<Axes> axes, Optional<String> reason, boolean matches) {
    static Verdict take(Axes axes) {
      return new Verdict(Optional.of(axes), Optional.empty(), true);
    }

    static Verdict leave(String reason) {
      return new Verdict(Optional.empty(), Optional.of(reason), true);
    }

    static Verdict pass(String reason) {
      return new Verdict(Optional.empty(), Optional.of(reason), false);
    }
  }

  /**
   * Applies the plan's rules to a model's tensors.
   *
   * @throws InvalidPlanException if a rule matches nothing, or names a tensor that it cannot prune
   */
  public static Selection of(List<CheckpointTensor> tensors, PruningPlan plan) {
    return of(tensors, plan, true);
  }

  /** Does the same for somebody who only looks: a rule may match nothing. */
  public static Selection preview(List<CheckpointTensor> tensors, PruningPlan plan) {
    return of(tensors, plan, false);
  }

  private static Selection of(
      List<CheckpointTensor> tensors, PruningPlan plan, boolean refuseIdleRules) {
    List<Taken> taken = new ArrayList<>();
    List<LeftAlone> leftAlone = new ArrayList<>();
    boolean[] used = new boolean[plan.rules().size()];
    boolean[] shadowed = new boolean[plan.rules().size()];
    List<RuleMatcher> matchers = plan.rules().stream().map(RuleMatcher::new).toList();
    for (CheckpointTensor tensor : tensors) {
      Optional<Verdict> decided = Optional.empty();
      String reason = "";
      for (int r = 0; r < used.length; r++) {
        Verdict verdict = matchers.get(r).judge(tensor);
        if (verdict.matches && decided.isPresent()) {
          shadowed[r] = true;
        } else if (verdict.matches) {
          decided = Optional.of(verdict);
          used[r] = true;
          int rule = r;
          verdict.axes.ifPresent(axes -> taken.add(new Taken(tensor, rule, axes)));
        }
        reason = reason.isEmpty() ? verdict.reason.orElse("") : reason;
      }
      if (decided.flatMap(Verdict::axes).isEmpty()) {
        String why = decided.flatMap(Verdict::reason).orElse(reason);
        leftAlone.add(new LeftAlone(tensor, why));
      }
    }
    if (refuseIdleRules) {
      refuseIdleRules(plan, used, shadowed);
    }
    return new Selection(List.copyOf(taken), List.copyOf(leftAlone));
  }

  /** Gives what each rule of the plan has to do, in the plan's order. */
  List<PruneTask> tasks(PruningPlan plan, Function<Taken, Weights> weightsOf) {
    List<PruneTask> tasks = new ArrayList<>();
    for (int r = 0; r < plan.rules().size(); r++) {
      int index = r;
      Rule rule = plan.rules().get(r);
      List<Weights> weights =
          taken.stream()
              .filter(t -> t.rule() == index)
              .map(weightsOf)
              .sorted(Comparator.comparing(Weights::name, PositionOrder::compare))
              .toList();
      tasks.add(new PruneTask(weights, rule.criterion(), rule.pattern(), plan.nan(), plan.seed()));
    }
    return tasks;
  }

  private static void refuseIdleRules(PruningPlan plan, boolean[] used, boolean[] shadowed) {
    for (int r = 0; r < used.length; r++) {
      if (!used[r]) {
        String which = plan.rules().size() == 1 ? "the plan" : "rule " + (r + 1) + " of the plan";
        throw new InvalidPlanException(
            shadowed[r]
                ? which + " is shadowed: earlier rules take every tensor that it matches"
                : which
                    + " matches no tensor that can be pruned"
                    + (plan.rules().get(r).selector().include().isEmpty()
                        ? ""
                        : " (include " + plan.rules().get(r).selector().include() + ")")
                    + "; inspect shows the tensors and why they are left alone");
      }
    }
  }

  /** One rule with its globs read. */
  private static final class RuleMatcher {
    private final Rule rule;
    private final List<Glob> include;
    private final List<Glob> exclude;

    RuleMatcher(Rule rule) {
      this.rule = rule;
      this.include = rule.selector().include().stream().map(Glob::of).toList();
      this.exclude = rule.selector().exclude().stream().map(Glob::of).toList();
    }

    Verdict judge(CheckpointTensor tensor) {
      String name = tensor.name();
      if (tensor.role() instanceof Role.Other other) {
        return Verdict.pass(other.reason());
      }
      if (tensor.dtype().isEmpty()) {
        return Verdict.pass("type " + tensor.type() + " is not pruned");
      }
      if (include.isEmpty() && tensor.shape().rank() < 2) {
        return Verdict.pass("rank " + tensor.shape().rank() + " is below 2");
      }
      if (!include.isEmpty() && include.stream().noneMatch(g -> g.matches(name))) {
        return Verdict.pass("not included");
      }
      if (exclude.stream().anyMatch(g -> g.matches(name))) {
        return Verdict.pass("excluded");
      }
      Optional<String> segment = DefaultExclusions.segment(name);
      boolean hold = include.isEmpty() && rule.selector().defaults() == Selector.Defaults.HOLD;
      if (hold && segment.isPresent()) {
        return Verdict.pass("\"" + segment.get() + "\" is excluded by default");
      }
      return judgeShape(tensor);
    }

    private Verdict judgeShape(CheckpointTensor tensor) {
      boolean named = include.stream().anyMatch(g -> g.isLiteral() && g.matches(tensor.name()));
      if (tensor.shape().elements() == 0) {
        return Verdict.leave("it has no elements");
      }
      if (tensor.shape().rank() == 0) {
        return Verdict.leave("it is a scalar");
      }
      Optional<Axes> axes = axes(tensor);
      if (axes.isEmpty()) {
        String reason = ((Role.Ambiguous) tensor.role()).reason();
        return Verdict.leave(reason + "; a rule that sets both axes may take it");
      }
      int rank = tensor.shape().rank();
      if (Math.max(axes.get().output(), axes.get().reduction()) >= rank) {
        throw new InvalidPlanException(
            "tensor \"%s\" of rank %d has no axis %d"
                .formatted(
                    tensor.name(), rank, Math.max(axes.get().output(), axes.get().reduction())));
      }
      if (rule.pattern() instanceof Pattern.NofM pattern) {
        long length = tensor.shape().dimension(axes.get().reduction());
        if (length % pattern.m() != 0) {
          String reason =
              "its reduction axis has %d elements, not a multiple of %d"
                  .formatted(length, pattern.m());
          if (named) {
            throw new InvalidPlanException("tensor \"" + tensor.name() + "\": " + reason);
          }
          return Verdict.leave(reason);
        }
      }
      return Verdict.take(axes.get());
    }

    private Optional<Axes> axes(CheckpointTensor tensor) {
      Optional<Axes> own =
          tensor.role() instanceof Role.Weight weight
              ? Optional.of(weight.axes())
              : Optional.empty();
      if (own.isEmpty() && (rule.outputAxis().isEmpty() || rule.reductionAxis().isEmpty())) {
        return Optional.empty();
      }
      Axes base = own.orElse(new Axes(0, 0));
      return Optional.of(
          new Axes(
              rule.outputAxis().orElse(base.output()),
              rule.reductionAxis().orElse(base.reduction())));
    }
  }
}
