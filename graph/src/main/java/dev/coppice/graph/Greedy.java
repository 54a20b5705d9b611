package dev.coppice.graph;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;

/**
 * Takes the units of a group one by one, each time the one whose going leaves the products that sum
 * over the group with the least error.
 */
final class Greedy {
  /**
   * How much errors that add up or cancel count, of two units that both go: what flows in is no
   * longer what was measured when layers before have been cut too. On two classifiers at 0.5 to 0.9
   * of their multiplications a half was better than none and than all.
   */
  private static final double TOGETHER = 0.5;

  /** A product's error, as a share of its outputs. */
  private static final class Term {
    private final double weight;
    private final double[] own;
    private final double[][] shared;
    private final double[] added;
    private double error;

    Term(double weight, double[] own, double[][] shared) {
      this.weight = weight;
      this.own = own;
      this.shared = shared;
      this.added = new double[own.length];
    }

    double lossWithout(int unit) {
      return weight * Ranking.fall(error + own[unit] + added[unit]);
    }

    void remove(int unit) {
      error += own[unit] + added[unit];
      for (int other = 0; other < shared.length; other++) {
        added[other] += shared[unit][other];
      }
    }
  }

  private final Group group;
  private final boolean[] free;
  private final List<Term> terms = new ArrayList<>();

  /**
   * Begins with a group.
   *
   * @param free the units that go without changing anything
   */
  Greedy(Group group, IntPredicate free) {
    this.group = group;
    this.free = new boolean[group.units().size()];
    for (int unit = 0; unit < this.free.length; unit++) {
      this.free[unit] = free.test(unit);
    }
  }

  /** Adds a product that sums over a slot of the group. */
  void add(Slot slot, Damage.Loss loss) {
    int number = group.slots().indexOf(slot);
    double total = total(loss);
    if (total <= 0) {
      return;
    }
    int count = group.units().size();
    boolean all = loss.hasAll();
    double[] own = new double[count];
    double[][] shared = new double[all ? count : 0][count];
    for (int a = 0; a < count; a++) {
      for (int b = all ? 0 : a; b < (all ? count : a + 1); b++) {
        double sum = free[a] || free[b] ? 0 : sum(loss, number, a, b) / total;
        if (a == b) {
          own[a] = sum;
        } else {
          shared[a][b] = 2 * TOGETHER * sum;
        }
      }
    }
    terms.add(new Term(loss.share(), own, shared));
  }

  private double sum(Damage.Loss loss, int number, int a, int b) {
    double sum = 0;
    for (int i : group.units().get(a).indices().get(number)) {
      for (int j : group.units().get(b).indices().get(number)) {
        sum += loss.pair(i, j);
      }
    }
    return sum;
  }

  private static double total(Damage.Loss loss) {
    double sum = loss.sum();
    double own = 0;
    for (int i = 0; i < loss.channels(); i++) {
      own += loss.pair(i, i);
    }
    return own + TOGETHER * (sum - own);
  }

  Ranking rank() {
    int count = group.units().size();
    boolean[] gone = new boolean[count];
    List<Integer> order = new ArrayList<>();
    double[] losses = new double[count + 1];
    for (int step = 0; step < count; step++) {
      int best = -1;
      double least = Double.POSITIVE_INFINITY;
      for (int unit = 0; unit < count; unit++) {
        double loss = gone[unit] ? Double.NaN : lossWithout(unit);
        // Of equals the one that stands first stays.
        if (loss <= least) {
          best = unit;
          least = loss;
        }
      }
      gone[best] = true;
      order.add(best);
      int removed = best;
      terms.forEach(term -> term.remove(removed));
      losses[step + 1] = Math.max(losses[step], least);
    }
    return new Ranking(order, losses);
  }

  private double lossWithout(int unit) {
    double loss = 0;
    for (Term term : terms) {
      loss += term.lossWithout(unit);
    }
    return loss;
  }
}
