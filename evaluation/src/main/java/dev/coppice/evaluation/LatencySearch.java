package dev.coppice.evaluation;

import dev.coppice.InvalidPlanException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * Looks for the largest model that takes no more than a share of the dense model's time, by halving
 * what share of the multiplications is left; time grows with those, near enough.
 */
public final class LatencySearch {
  /** Makes models and times them. */
  public interface Trial {
    /**
     * Makes a model and times it roughly.
     *
     * @param macs the share of the multiplications that may be left
     * @return its time as a share of the dense model's; nothing if there is no such small model
     */
    OptionalDouble glance(double macs);

    /** Makes a model that was made before, and times it well. */
    double measure(double macs);
  }

  /**
   * A model.
   *
   * @param macs the share of the multiplications that was allowed it
   * @param ratio its time as a share of the dense model's
   */
  public record Found(double macs, double ratio) {}

  private static final int MODELS = 8;
  private static final double NEAR = 0.02;

  private final double target;
  private final Trial trial;
  private final List<Found> seen = new ArrayList<>();
  private double unreachable;
  private double tooSlow = 1;

  private LatencySearch(double target, Trial trial) {
    this.target = target;
    this.trial = trial;
  }

  /**
   * Searches. What it finds was timed twice, and was within the target both times.
   *
   * @param target above 0 and at most 1
   * @throws InvalidPlanException if no model is fast enough; it says what the fastest reached
   */
  public static Found search(double target, Trial trial) {
    return new LatencySearch(target, trial).run();
  }

  private Found run() {
    List<Found> timed = new ArrayList<>();
    look(target);
    while (true) {
      while (seen.size() < MODELS && tooSlow - fastEnough() > NEAR) {
        look((fastEnough() + tooSlow) / 2);
      }
      double macs = fastEnough();
      if (macs == unreachable) {
        throw outOfReach(timed.isEmpty() ? seen : timed);
      }
      Found found = new Found(macs, trial.measure(macs));
      if (found.ratio() <= target) {
        return found;
      }
      timed.add(found);
      tooSlow = macs;
    }
  }

  private void look(double macs) {
    OptionalDouble ratio = trial.glance(macs);
    if (ratio.isEmpty()) {
      unreachable = macs;
      return;
    }
    seen.add(new Found(macs, ratio.getAsDouble()));
    if (ratio.getAsDouble() > target) {
      tooSlow = macs;
    }
  }

  /** Gives the most multiplications of a model that seemed fast enough, or else of no model. */
  private double fastEnough() {
    return seen.stream()
        .filter(found -> found.ratio() <= target && found.macs() < tooSlow)
        .mapToDouble(Found::macs)
        .max()
        .orElse(unreachable);
  }

  private InvalidPlanException outOfReach(List<Found> tried) {
    String best =
        tried.stream()
            .min(Comparator.comparingDouble(Found::ratio))
            .map(
                found ->
                    String.format(
                        Locale.ROOT,
                        "the fastest of %d models took %.3f of the dense model's time, with macs=%.3f",
                        tried.size(),
                        found.ratio(),
                        found.macs()))
            .orElse("nothing can be removed");
    return new InvalidPlanException(
        String.format(Locale.ROOT, "latency=%s cannot be reached: %s", target, best));
  }
}
