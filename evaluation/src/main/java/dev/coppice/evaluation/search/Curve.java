package dev.coppice.evaluation.search;

import java.util.ArrayList;
import java.util.List;

/**
 * What becomes of a model if one layer alone is made smaller.
 *
 * @param layer the layer
 * @param points from all units to the fewest that were tried, falling
 */
public record Curve(Layer layer, List<Point> points) {
  /**
   * A measurement.
   *
   * @param kept how many units of the layer stayed
   * @param saved the share of the dense model's cost that was saved
   * @param drop by how much the score was below the dense model's
   */
  public record Point(int kept, double saved, double drop) {}

  /** Holds what it is given. */
  public Curve {
    points = List.copyOf(points);
  }

  /**
   * Gives how many units should stay if saving all of the cost is worth a drop of {@code price}.
   * Savings and drops are taken to grow evenly between measurements, and drops never to shrink:
   * small differences are noise.
   */
  int keep(double price) {
    int best = layer.units();
    double most = 0;
    Point before = new Point(layer.units(), 0, 0);
    for (Point point : rising()) {
      int count = before.kept();
      while (count > point.kept()) {
        count = Math.max(point.kept(), layer.below(count));
        double share = (double) (before.kept() - count) / (before.kept() - point.kept());
        double saved = before.saved() + share * (point.saved() - before.saved());
        double drop = before.drop() + share * (point.drop() - before.drop());
        double gain = price * saved - drop;
        if (gain > most) {
          most = gain;
          best = count;
        }
      }
      before = point;
    }
    return best;
  }

  /** Gives the price at which as few units would stay as were tried. */
  double highest() {
    double highest = 0;
    Point before = new Point(layer.units(), 0, 0);
    for (Point point : rising()) {
      double saved = point.saved() - before.saved();
      highest = saved > 0 ? Math.max(highest, (point.drop() - before.drop()) / saved) : highest;
      before = point;
    }
    return highest;
  }

  private List<Point> rising() {
    List<Point> rising = new ArrayList<>();
    double most = 0;
    for (Point point : points) {
      most = Math.max(most, point.drop());
      rising.add(new Point(point.kept(), point.saved(), most));
    }
    return rising;
  }
}
