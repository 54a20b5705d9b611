package dev.coppice.cli;

import dev.coppice.evaluation.data.DataOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that name data, and how much of it is used. */
class DataChoice {
  static final int TOKENS = 128;

  static final int CALIBRATION_SAMPLES = 512;

  @Option(
      names = "--calibration",
      paramLabel = "DATA",
      description =
          "Data like what the model will see, without labels: .npz, .safetensors, a folder of"
              + " images, an IDX file or texts; docs/data.md has all forms.")
  @Nullable String calibration;

  @Option(
      names = "--eval",
      paramLabel = "DATA:METRIC",
      description =
          "Measure both models: accuracy (labelled images), spearman (pairs of texts with scores)"
              + " or cosine-to-dense (any data).")
  @Nullable String eval;

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
  int tokens = TOKENS;

  final boolean isNeeded() {
    return calibration != null || eval != null;
  }

  final DataOptions forCalibration(int threads) {
    return all(threads).withSamples(samples);
  }

  final DataOptions forEvaluation(int threads) {
    return all(threads).withSamples(evalSamples);
  }

  private DataOptions all(int threads) {
    return DataOptions.withThreads(threads).withTokens(tokens);
  }
}
