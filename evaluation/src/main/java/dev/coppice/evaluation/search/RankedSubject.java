package dev.coppice.evaluation.search;

import dev.coppice.evaluation.data.Evaluation;
import dev.coppice.graph.Calibration;
import dev.coppice.graph.Ranked;
import dev.coppice.graph.Shrinkage;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/**
 * A model whose groups are ranked: each group is a layer, and data says how good what is left is.
 */
public final class RankedSubject implements Subject {
  private final Ranked ranked;
  private final Evaluation evaluation;
  private final Optional<Calibration> repair;
  private final List<Layer> layers;

  /**
   * Makes a subject.
   *
   * @param repair data that each model is repaired on before it is measured
   */
  public RankedSubject(Ranked ranked, Evaluation evaluation, Optional<Calibration> repair) {
    this.ranked = ranked;
    this.evaluation = evaluation;
    this.repair = repair;
    this.layers =
        ranked.groups().stream()
            .map(
                group ->
                    new Layer(
                        group.name(),
                        group.units().size(),
                        ranked.step(group),
                        ranked.least(group)))
            .toList();
  }

  @Override
  public List<Layer> layers() {
    return layers;
  }

  @Override
  public double left(List<Integer> kept) {
    return ranked.left(kept);
  }

  @Override
  public double score(List<Integer> kept) throws IOException {
    Shrinkage made = ranked.keep(kept);
    boolean whole = ranked.left(kept) == 1;
    return evaluation.score(
        repair.isEmpty() || whole ? made.model() : made.repair(repair.get()).model());
  }
}
