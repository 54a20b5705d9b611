package dev.coppice.evaluation.search;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The models of a search that no other one beats in both cost and score, the cheapest first: where
 * a little more quality begins to cost much.
 *
 * @param trials at least one
 */
public record Front(List<Trial> trials) {
  /** Holds what it is given. */
  public Front {
    trials = List.copyOf(trials);
  }

  static Front of(List<Trial> all) {
    List<Trial> sorted = new ArrayList<>(all);
    sorted.sort(
        Comparator.comparingDouble(Trial::left).thenComparing(t -> -t.score(), Double::compare));
    List<Trial> front = new ArrayList<>();
    for (Trial trial : sorted) {
      if (front.isEmpty() || trial.score() > front.get(front.size() - 1).score()) {
        front.add(trial);
      }
    }
    return new Front(front);
  }

  /**
   * Gives the model after which quality is dear: the one furthest above the line from the cheapest
   * to the best, with both axes drawn to the same length.
   */
  public Trial knee() {
    Trial cheapest = trials.get(0);
    Trial best = trials.get(trials.size() - 1);
    Trial knee = best;
    double furthest = 0;
    for (Trial trial : trials) {
      double above =
          share(cheapest.score(), trial.score(), best.score())
              - share(cheapest.left(), trial.left(), best.left());
      if (above > furthest) {
        furthest = above;
        knee = trial;
      }
    }
    return knee;
  }

  private static double share(double from, double at, double to) {
    return from == to ? 1 : (at - from) / (to - from);
  }
}
