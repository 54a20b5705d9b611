package dev.coppice.graph;

import dev.coppice.InvalidPlanException;
import dev.coppice.Scope;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Chooses which units go until what is left costs no more than the target. Under GLOBAL the next to
 * go is what matters least for what it saves at that moment; under TENSOR each group loses the same
 * share, the smallest that suffices.
 */
final class Solver {
  /** A group whose units stand in the order in which they go. */
  private static final class Candidate {
    private final List<Integer> order;
    private final Ranking ranking;
    private final NavigableSet<Integer> sizes;
    private int kept;

    Candidate(Group group, Ranking ranking, ShrinkRequest request) {
      this.order = ranking.order().stream().map(unit -> group.units().get(unit).classId()).toList();
      this.ranking = ranking;
      this.kept = order.size();
      int step = request.step(group);
      this.sizes =
          IntStream.rangeClosed(request.least(group), kept)
              .filter(size -> size % step == 0 || size == kept)
              .boxed()
              .collect(Collectors.toCollection(TreeSet::new));
    }

    /** Gives how many units would stay if one more step were taken. */
    Optional<Integer> next() {
      return Optional.ofNullable(sizes.lower(kept));
    }

    /** Gives the units that go between two counts of what stays. */
    List<Integer> between(int from, int to) {
      return order.subList(order.size() - from, order.size() - to);
    }

    /** Gives what it costs in quality to keep {@code to} units. */
    double loss(int to) {
      return ranking.loss(order.size() - to) - ranking.loss(order.size() - kept);
    }

    int nearest(double share) {
      double wanted = order.size() * (1 - share);
      return sizes.stream()
          .min(Comparator.comparingDouble(size -> Math.abs(size - wanted)))
          .orElse(order.size());
    }
  }

  private record Move(Candidate candidate, int to, double price) {}

  private static final int HALVINGS = 40;

  private final Costs costs;
  private final ShrinkRequest request;
  private final List<Candidate> candidates = new ArrayList<>();

  private Solver(Map<Group, Ranking> rankings, Costs costs, ShrinkRequest request) {
    this.costs = costs;
    this.request = request;
    rankings.forEach((group, ranking) -> candidates.add(new Candidate(group, ranking, request)));
  }

  /**
   * Gives the classes that go, and takes them out of {@code costs}.
   *
   * @param rankings the groups that may lose units, in the order of the graph
   * @throws InvalidPlanException if the target cannot be reached
   */
  static Set<Integer> solve(Map<Group, Ranking> rankings, Costs costs, ShrinkRequest request) {
    Solver solver = new Solver(rankings, costs, request);
    double dense = costs.total(request.metric());
    double target = request.fraction() * dense;
    List<Integer> gone =
        request.scope() == Scope.GLOBAL ? solver.global(target) : solver.even(target);
    double left = costs.total(request.metric());
    if (left > target * (1 + 1e-12)) {
      throw new InvalidPlanException(
          String.format(
              Locale.ROOT,
              "%s=%s cannot be reached: with all that may go removed, %.4f of the %s are left",
              request.metric(),
              request.fraction(),
              left / dense,
              request.metric()));
    }
    return new HashSet<>(gone);
  }

  private List<Integer> global(double target) {
    PriorityQueue<Move> moves = new PriorityQueue<>(Comparator.comparingDouble(Move::price));
    candidates.forEach(candidate -> move(candidate).ifPresent(moves::add));
    List<Integer> gone = new ArrayList<>();
    while (!moves.isEmpty() && costs.total(request.metric()) > target) {
      Move old = moves.remove();
      // What went since has made this one save less, never more.
      Optional<Move> now = move(old.candidate());
      if (now.isPresent() && !moves.isEmpty() && now.get().price() > moves.element().price()) {
        moves.add(now.get());
      } else if (now.isPresent()) {
        List<Integer> ids = old.candidate().between(old.candidate().kept, now.get().to());
        costs.remove(ids);
        gone.addAll(ids);
        old.candidate().kept = now.get().to();
        move(old.candidate()).ifPresent(moves::add);
      }
    }
    return gone;
  }

  private Optional<Move> move(Candidate candidate) {
    return candidate
        .next()
        .flatMap(
            to -> {
              double saving = costs.saving(candidate.between(candidate.kept, to), request.metric());
              double price = candidate.loss(to) / saving;
              return saving > 0 ? Optional.of(new Move(candidate, to, price)) : Optional.empty();
            });
  }

  private List<Integer> even(double target) {
    double low = 0;
    double high = 1;
    for (int i = 0; i < HALVINGS; i++) {
      double middle = (low + high) / 2;
      List<Integer> gone = share(middle);
      costs.remove(gone);
      if (costs.total(request.metric()) > target) {
        low = middle;
      } else {
        high = middle;
      }
      costs.restore(gone);
    }
    List<Integer> gone = share(high);
    costs.remove(gone);
    return gone;
  }

  private List<Integer> share(double share) {
    List<Integer> gone = new ArrayList<>();
    for (Candidate candidate : candidates) {
      gone.addAll(candidate.between(candidate.order.size(), candidate.nearest(share)));
    }
    return gone;
  }
}
