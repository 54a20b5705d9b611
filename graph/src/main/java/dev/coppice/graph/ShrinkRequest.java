package dev.coppice.graph;

import dev.coppice.Glob;
import dev.coppice.InvalidPlanException;
import dev.coppice.Scope;
import dev.coppice.graph.Group.Kind;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * What is to be removed from a model.
 *
 * @param metric what there is to be less of
 * @param fraction how much of it may be left, above 0 and at most 1
 * @param criterion what goes first
 * @param scope GLOBAL: groups compete by importance for what they save; TENSOR: each loses the same
 *     share of its units
 * @param roundTo what stays of a group's channels or neurons is a multiple of this
 * @param floor the share of a group's units that stays at least, and of the blocks where layers go;
 *     one always does
 * @param kinds what may be removed
 * @param keep globs on names of nodes and tensors whose groups stay whole
 * @param seed of the random criterion
 */
public record ShrinkRequest(
    Metric metric,
    double fraction,
    Criterion criterion,
    Scope scope,
    int roundTo,
    double floor,
    Set<Kind> kinds,
    List<String> keep,
    long seed) {
  /** What goes first. */
  public enum Criterion {
    /** The units with the smallest sum of squares. */
    L2,
    /** The units with the smallest sum of absolute values. */
    L1,
    /** The units that are nearest to all others: what they do, others nearly do. */
    FPGM,
    /** The units with the smallest scales of batch norms; groups without one stay whole. */
    BN_SCALE,
    /** The units that the layers behind them miss least, on calibration data. */
    ACTIVATION,
    /** Any: the control that a criterion has to beat. */
    RANDOM;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /**
   * What counts are a multiple of unless something else is asked for. ONNX Runtime works on blocks
   * of 8 channels: at half of the multiplications, one of other counts was as slow as the dense
   * model.
   */
  public static final int ROUND_TO = 8;

  /** What may be removed unless something else is asked for: all that needs no data to choose. */
  public static final Set<Kind> KINDS = Set.of(Kind.CHANNELS, Kind.HEADS, Kind.NEURONS);

  /** The share that stays unless something else is asked for. */
  public static final double FLOOR = 0.1;

  /** Checks what it is given. */
  public ShrinkRequest {
    if (!(fraction > 0 && fraction <= 1)) {
      throw new InvalidPlanException("a target is above 0 and at most 1, not " + fraction);
    }
    if (!(floor >= 0 && floor <= 1)) {
      throw new InvalidPlanException("a floor is from 0 to 1, not " + floor);
    }
    if (roundTo < 1) {
      throw new InvalidPlanException(
          "counts are rounded to a multiple of 1 or more, not " + roundTo);
    }
    if (scope == Scope.ROW) {
      throw new InvalidPlanException("groups have no rows; the scope is global or tensor");
    }
    // In their own order, whatever the one they come in: what is asked for has one text.
    EnumSet<Kind> ordered = EnumSet.noneOf(Kind.class);
    ordered.addAll(kinds);
    kinds = Collections.unmodifiableSet(ordered);
    keep = List.copyOf(keep);
    keep.forEach(Glob::of);
  }

  /** Asks for a share of a metric, and leaves all else as it is by default. */
  public static ShrinkRequest of(Metric metric, double fraction) {
    return new ShrinkRequest(
        metric, fraction, Criterion.L2, Scope.GLOBAL, ROUND_TO, FLOOR, KINDS, List.of(), 0);
  }

  /** Asks for the same by another criterion. */
  public ShrinkRequest by(Criterion other) {
    return new ShrinkRequest(metric, fraction, other, scope, roundTo, floor, kinds, keep, seed);
  }

  /** Gives of what number the units of a group that stay are a multiple, unless all of them do. */
  int step(Group group) {
    return group.kind() == Kind.HEADS ? 1 : roundTo;
  }

  /** Gives how many units of a group stay at least. */
  int least(Group group) {
    return Math.max(1, (int) Math.ceil(floor * group.units().size()));
  }

  /** Asks for another share, of other kinds. */
  ShrinkRequest with(double share, Set<Kind> others) {
    return new ShrinkRequest(metric, share, criterion, scope, roundTo, floor, others, keep, seed);
  }
}
