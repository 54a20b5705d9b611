package dev.coppice.graph;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** The order in which the units of a group go, and what is lost with them. */
final class Ranking {
  private final List<Integer> order;
  private final double[] losses;

  /**
   * Holds what it is given.
   *
   * @param order the units by their place in the group, the first to go first
   * @param losses what is lost when so many have gone: 0 at first, and never less with more
   */
  Ranking(List<Integer> order, double[] losses) {
    this.order = List.copyOf(order);
    this.losses = losses.clone();
  }

  List<Integer> order() {
    return order;
  }

  /** Gives what is lost when the first {@code count} have gone. */
  double loss(int count) {
    return losses[count];
  }

  /**
   * Ranks units that matter each by itself. What is lost is by how much the logarithm falls of the
   * share that is left: the next unit of a group that has lost much is dear, and no group is
   * emptied before the others.
   *
   * @param scores how much each unit matters, none below zero
   * @param weight how often the loss counts
   */
  static Ranking of(double[] scores, double weight) {
    // Of equals the one that stands first stays.
    List<Integer> order =
        IntStream.range(0, scores.length)
            .boxed()
            .sorted(
                Comparator.comparingDouble((Integer unit) -> scores[unit])
                    .thenComparing(Comparator.reverseOrder()))
            .toList();
    double sum = Arrays.stream(scores).sum();
    double[] losses = new double[scores.length + 1];
    double gone = 0;
    for (int i = 0; i < scores.length; i++) {
      gone += scores[order.get(i)];
      losses[i + 1] = sum == 0 ? 0 : weight * fall(gone / sum);
    }
    return new Ranking(order, losses);
  }

  /** Gives by how much the logarithm falls when a share goes; all of it is a lot, not infinity. */
  static double fall(double share) {
    double most = 1 - 1e-9;
    return share < most ? -Math.log1p(-share) : -Math.log1p(-most) + share - most;
  }
}
