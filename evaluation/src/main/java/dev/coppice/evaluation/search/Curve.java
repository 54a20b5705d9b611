package dev.coppice.evaluation.search;

import java.util.ArrayList;
import java.util.List;

/**
 * What becomes of a model if one layer alone is made smaller.
 *
 * @param layer the layer
 * @param points from all units to the fewest that were tried
 */
public record Curve(Layer layer, List<Point> points) {
  /**
   * A measurement.
   *
   * @param kept how many units of the layer stayed
   * @param drop by how much the score was below the dense model's
   */
  public record Point(int kept, double drop) {}

  /** Holds what it is given. */
  public Curve {
    points = List.copyOf(points);
  }

  /**
   * Gives the fewest units that may stay so that the drop, which is taken to grow evenly between
   * measurements and never to shrink, is {@code level} at most.
   */
  int keep(double level) {
    Point before = new Point(layer.units(), 0);
    for (Point point : rising()) {
      if (point.drop() > level) {
        double share = (level - before.drop()) / (point.drop() - before.drop());
        return layer.round(before.kept() - share * (before.kept() - point.kept()));
      }
      before = point;
    }
    return before.kept();
  }

  /** Gives the drops where none is below one of more units: small differences are noise. */
  private List<Point> rising() {
    List<Point> rising = new ArrayList<>();
    double most = 0;
    for (Point point : points) {
      most = Math.max(most, point.drop());
      rising.add(new Point(point.kept(), most));
    }
    return rising;
  }

  /** Gives the largest drop that was measured, 0 at least. */
  double most() {
    return points.stream().mapToDouble(Point::drop).reduce(0, Math::max);
  }
}
