package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that name data: to choose and repair by, and to measure with. */
final class ShrinkDataOptions extends DataChoice {
  @Option(
      names = "--repair",
      description =
          "Fit the weights behind what was removed to the dense model's outputs on the calibration"
              + " data: least squares, no training.")
  boolean repair;

  @Option(
      names = "--max-drop",
      paramLabel = "D",
      description =
          "Instead of --target: find the smallest model whose metric falls by D at most, in the"
              + " metric's units. Each group's curve is measured first; a search that was broken"
              + " off goes on where it was.")
  @Nullable String maxDrop;

  /** Refuses what makes no sense together. */
  void check(ShrinkOptions options, boolean recipe) {
    if (maxDrop != null && eval == null) {
      throw new InvalidPlanException(
          "--max-drop needs --eval DATA:METRIC: it says by how much that metric may fall");
    }
    if (repair && calibration == null) {
      throw new InvalidPlanException(
          "--repair needs --calibration DATA: it fits weights to what the model does there");
    }
    if (maxDrop != null && !options.target.isEmpty()) {
      throw new InvalidPlanException(
          "--max-drop looks for the smallest model, --target for one of a size; name one of them");
    }
    if (maxDrop == null && options.target.isEmpty() && !recipe) {
      throw new InvalidPlanException(
          "--target METRIC=F is required: how much may be left, such as macs=0.5; --max-drop and"
              + " --recipe go without it");
    }
    drop();
  }

  /** Gives by how much the metric may fall. */
  Optional<Double> drop() {
    if (maxDrop == null) {
      return Optional.empty();
    }
    if (!maxDrop.matches("\\d{0,9}\\.?\\d{1,9}")) {
      throw new InvalidPlanException("--max-drop is a number such as 0.01, not " + maxDrop);
    }
    return Optional.of(Double.parseDouble(maxDrop));
  }
}
