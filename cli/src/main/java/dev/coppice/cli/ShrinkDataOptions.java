package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.evaluation.data.DataOptions;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that name data: to choose and repair by, and to measure with. */
final class ShrinkDataOptions {
  private static final int CALIBRATION_SAMPLES = 512;

  @Option(
      names = "--calibration",
      paramLabel = "DATA",
      description =
          "Data like what the model will see, without labels: .npz, .safetensors, a folder of"
              + " images, an IDX file or texts; docs/data.md has all forms.")
  @Nullable String calibration;

  @Option(
      names = "--repair",
      description =
          "Fit the weights behind what was removed to the dense model's outputs on the calibration"
              + " data: least squares, no training.")
  boolean repair;

  @Option(
      names = "--eval",
      paramLabel = "DATA:METRIC",
      description =
          "Measure both models: accuracy (labelled images), spearman (pairs of texts with scores)"
              + " or cosine-to-dense (any data).")
  @Nullable String eval;

  @Option(
      names = "--max-drop",
      paramLabel = "D",
      description =
          "Instead of --target: find the smallest model whose metric falls by D at most, in the"
              + " metric's units. Each group's curve is measured first; a search that was broken"
              + " off goes on where it was.")
  @Nullable String maxDrop;

  @Option(
      names = "--samples",
      paramLabel = "N",
      description =
          "Use N samples of the calibration data, at equal distances (default: 512, or all).")
  int samples = CALIBRATION_SAMPLES;

  @Option(
      names = "--eval-samples",
      paramLabel = "N",
      description = "Use N samples to evaluate, at equal distances (default: all).")
  int evalSamples = Integer.MAX_VALUE;

  @Option(
      names = "--tokens",
      paramLabel = "N",
      description = "Cut texts after N tokens (default: 128).")
  int tokens = 128;

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

  boolean isNeeded() {
    return calibration != null || eval != null;
  }

  DataOptions forCalibration(int threads) {
    return all(threads).withSamples(samples);
  }

  DataOptions forEvaluation(int threads) {
    return all(threads).withSamples(evalSamples);
  }

  private DataOptions all(int threads) {
    return DataOptions.withThreads(threads).withTokens(tokens);
  }
}
