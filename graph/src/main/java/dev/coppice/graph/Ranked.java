package dev.coppice.graph;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The units of a model in the order in which they go, and the models that are left when so many of
 * each group stay. For one thread at a time.
 */
public final class Ranked {
  private final Shrinker shrinker;
  private final ShrinkRequest request;
  private final List<Group> groups;
  private final Map<Group, Ranking> rankings;
  private final Folding folding;
  private final Costs costs;

  Ranked(Shrinker shrinker, ShrinkRequest request, Map<Group, Ranking> rankings, Folding folding) {
    this.shrinker = shrinker;
    this.request = request;
    this.groups = List.copyOf(rankings.keySet());
    this.rankings = rankings;
    this.folding = folding;
    this.costs = shrinker.costs();
  }

  /** Makes the model that the request asks for. */
  Shrinkage reach() {
    return shrinker.without(Solver.solve(rankings, shrinker.costs(), request), folding);
  }

  /** Gives the groups that may lose units. */
  public List<Group> groups() {
    return groups;
  }

  /** Gives of what number the units of a group that stay should be a multiple. */
  public int step(Group group) {
    return request.step(group);
  }

  /** Gives how many units of a group stay at least. */
  public int least(Group group) {
    return request.least(group);
  }

  /**
   * Gives the share of the dense model's metric that is left if so many units stay.
   *
   * @param kept a count for each of {@link #groups}
   */
  public double left(List<Integer> kept) {
    double dense = costs.total(request.metric());
    List<Integer> gone = gone(kept);
    costs.remove(gone);
    double left = costs.total(request.metric());
    costs.restore(gone);
    return left / dense;
  }

  /**
   * Makes the model in which so many units stay.
   *
   * @param kept a count for each of {@link #groups}
   */
  public Shrinkage keep(List<Integer> kept) {
    return shrinker.without(new HashSet<>(gone(kept)), folding);
  }

  /**
   * Makes the model without the units that can go and change no answer at all: their weights are
   * zero, nothing reads them, or what they carry is a constant that moves into biases. Of each
   * group as many stay as make a multiple of its {@link #step}.
   */
  public Shrinkage withoutEmpty() {
    Set<Integer> gone = new HashSet<>();
    for (Group group : groups) {
      List<Group.Unit> units = group.units();
      int[] free =
          IntStream.range(0, units.size()).filter(unit -> folding.isFree(group, unit)).toArray();
      int step = step(group);
      int kept = (Math.max(1, units.size() - free.length) + step - 1) / step * step;
      for (int i = 0; i < units.size() - kept; i++) {
        gone.add(units.get(free[i]).classId());
      }
    }
    return shrinker.without(gone, folding);
  }

  private List<Integer> gone(List<Integer> kept) {
    if (kept.size() != groups.size()) {
      throw new IllegalArgumentException(kept.size() + " counts for " + groups.size() + " groups");
    }
    List<Integer> gone = new ArrayList<>();
    for (int i = 0; i < kept.size(); i++) {
      List<Integer> order = Objects.requireNonNull(rankings.get(groups.get(i))).order();
      if (kept.get(i) < 1 || kept.get(i) > order.size()) {
        throw new IllegalArgumentException(
            groups.get(i).name() + " cannot keep " + kept.get(i) + " units");
      }
      for (int unit : order.subList(0, order.size() - kept.get(i))) {
        gone.add(groups.get(i).units().get(unit).classId());
      }
    }
    return gone;
  }
}
