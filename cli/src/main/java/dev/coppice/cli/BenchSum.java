package dev.coppice.cli;

import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan.Row;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What the layers of a model take together.
 *
 * @param batch that was asked for; where a layer was measured with fewer rows, its times and its
 *     energy are taken to grow with the rows
 * @param dense seconds, by the best dense products
 * @param chosen seconds, by what was chosen
 * @param denseJoules nothing unless it was counted for all
 * @param sparse what was chosen where that is not dense
 */
record BenchSum(
    long batch,
    double dense,
    double chosen,
    long denseBytes,
    long chosenBytes,
    Optional<Double> denseJoules,
    Optional<Double> chosenJoules,
    List<Row> sparse) {

  /** Adds up layers, each with all its rows. */
  static BenchSum of(Collection<List<Row>> layers, long batch) {
    double dense = 0;
    double chosen = 0;
    long denseBytes = 0;
    long chosenBytes = 0;
    Optional<Double> denseJoules = Optional.of(0.0);
    Optional<Double> chosenJoules = Optional.of(0.0);
    List<Row> sparse = new ArrayList<>();
    for (List<Row> rows : layers) {
      long measured =
          rows.stream().mapToLong(Row::batch).filter(b -> b <= batch).max().orElseThrow();
      Row choice = best(rows.stream().filter(row -> row.batch() == measured && row.chosen()));
      Row best =
          best(rows.stream().filter(r -> r.batch() == measured && r.format() == Format.DENSE));
      double scale = (double) batch / measured;
      chosen += scale * choice.seconds();
      // The ratio of samples that were taken in turn is steadier than that of two medians.
      dense += scale * choice.seconds() * choice.speedup();
      denseBytes += best.bytes();
      chosenBytes += choice.bytes();
      denseJoules = add(denseJoules, best, scale);
      chosenJoules = add(chosenJoules, choice, scale);
      if (choice.format() != Format.DENSE) {
        sparse.add(choice);
      }
    }
    return new BenchSum(
        batch, dense, chosen, denseBytes, chosenBytes, denseJoules, chosenJoules, sparse);
  }

  private static Row best(Stream<Row> rows) {
    return rows.min(Comparator.comparingDouble(Row::seconds)).orElseThrow();
  }

  private static Optional<Double> add(Optional<Double> sum, Row row, double scale) {
    return sum.flatMap(s -> row.joules().map(joules -> s + scale * joules));
  }

  double speedup() {
    return dense / chosen;
  }
}
