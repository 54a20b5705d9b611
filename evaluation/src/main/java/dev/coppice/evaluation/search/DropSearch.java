package dev.coppice.evaluation.search;

import dev.coppice.InvalidPlanException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the smallest model whose score is no more than a given drop below the dense model's.
 *
 * <p>First each layer alone is made smaller, in steps: its {@linkplain Curve curve}. A price, of
 * cost in terms of score, then says how small all layers are made together: each so that what it
 * saves is worth most more than what it drops. The interval of prices is halved, measuring what
 * they make, until that is just within the drop.
 */
public final class DropSearch {
  private static final double[] SHARES = {0.75, 0.5, 0.25};

  /** The lowest price is the highest one halved so often. */
  private static final int OCTAVES = 16;

  /** How often the interval between prices is halved, as logarithms. */
  private static final int HALVINGS = 8;

  /** How often the way from the last model within the drop to the last beyond it is halved. */
  private static final int MIXES = 3;

  /** Is told of each model that was measured. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Takes note of a measurement.
     *
     * @param what the layer that was made smaller, or what else was tried
     * @param done how many models are known now
     * @param expected how many there will be, about
     */
    void measured(String what, Trial trial, int done, int expected);
  }

  /**
   * What was found.
   *
   * @param dense the model as it is
   * @param curves of the layers, in their order
   * @param best the smallest model within the drop; the dense one if there is none
   * @param front of all models that were measured
   */
  public record Outcome(Trial dense, List<Curve> curves, Trial best, Front front) {
    /** Holds what it is given. */
    public Outcome {
      curves = List.copyOf(curves);
    }
  }

  private final Subject subject;
  private final ScoreLog log;
  private final Listener listener;
  private final Map<List<Integer>, Trial> trials = new LinkedHashMap<>();
  private final int expected;

  private DropSearch(Subject subject, ScoreLog log, Listener listener) {
    this.subject = subject;
    this.log = log;
    this.listener = listener;
    this.expected = 1 + SHARES.length * subject.layers().size() + 1 + HALVINGS + MIXES;
  }

  /**
   * Searches.
   *
   * @param maxDrop by how much the score may fall, in the score's units, 0 or more
   * @throws IOException if a model cannot be measured; the log keeps what was measured before
   */
  public static Outcome run(Subject subject, double maxDrop, ScoreLog log, Listener listener)
      throws IOException {
    if (!(maxDrop >= 0)) {
      throw new InvalidPlanException("a drop is 0 or more, not " + maxDrop);
    }
    return new DropSearch(subject, log, listener).search(maxDrop);
  }

  private Outcome search(double maxDrop) throws IOException {
    Trial dense = measure("dense", subject.layers().stream().map(Layer::units).toList());
    List<Curve> curves = new ArrayList<>();
    for (int i = 0; i < subject.layers().size(); i++) {
      curves.add(curve(dense, i));
    }
    double floor = dense.score() - maxDrop;
    double beyond = 2 * curves.stream().mapToDouble(Curve::highest).max().orElse(0);
    double within = Math.scalb(beyond, -OCTAVES);
    Trial good = dense;
    Trial bad = together(curves, beyond);
    if (bad.score() >= floor) {
      good = bad;
    }
    for (int i = 0; i < HALVINGS && !bad.equals(good); i++) {
      double middle = Math.sqrt(within * beyond);
      Trial trial = together(curves, middle);
      if (trial.score() >= floor) {
        within = middle;
        good = trial;
      } else {
        beyond = middle;
        bad = trial;
      }
    }
    between(good, bad, floor);
    Trial best =
        trials.values().stream()
            .filter(trial -> trial.score() >= floor)
            .min(Comparator.comparingDouble(Trial::left))
            .orElse(dense);
    return new Outcome(dense, curves, best, Front.of(List.copyOf(trials.values())));
  }

  /** Looks between two models: prices jump from one measurement of a layer to the next. */
  private void between(Trial within, Trial beyond, double floor) throws IOException {
    double good = 0;
    double bad = 1;
    for (int i = 0; i < MIXES && !within.equals(beyond); i++) {
      double share = (good + bad) / 2;
      List<Integer> mixed = new ArrayList<>();
      for (int layer = 0; layer < subject.layers().size(); layer++) {
        int from = within.kept().get(layer);
        mixed.add(
            subject.layers().get(layer).round(from + share * (beyond.kept().get(layer) - from)));
      }
      if (measure("all layers", mixed).score() >= floor) {
        good = share;
      } else {
        bad = share;
      }
    }
  }

  /** Makes one layer smaller and smaller. */
  private Curve curve(Trial dense, int index) throws IOException {
    Layer layer = subject.layers().get(index);
    List<Curve.Point> points = new ArrayList<>();
    for (double share : SHARES) {
      int kept = layer.round(share * layer.units());
      int before = points.isEmpty() ? layer.units() : points.get(points.size() - 1).kept();
      if (kept < before) {
        List<Integer> counts = new ArrayList<>(dense.kept());
        counts.set(index, kept);
        Trial trial = measure(layer.name(), counts);
        points.add(
            new Curve.Point(kept, dense.left() - trial.left(), dense.score() - trial.score()));
      }
    }
    return new Curve(layer, points);
  }

  /** Makes all layers as small as that price makes them. */
  private Trial together(List<Curve> curves, double price) throws IOException {
    return measure("all layers", curves.stream().map(curve -> curve.keep(price)).toList());
  }

  private Trial measure(String what, List<Integer> kept) throws IOException {
    Trial known = trials.get(kept);
    if (known != null) {
      return known;
    }
    Trial trial = new Trial(kept, subject.left(kept), log.get(subject, kept));
    trials.put(kept, trial);
    listener.measured(what, trial, trials.size(), Math.max(expected, trials.size()));
    return trial;
  }
}
