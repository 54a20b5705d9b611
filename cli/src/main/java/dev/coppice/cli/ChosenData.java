package dev.coppice.cli;

import dev.coppice.evaluation.data.Dataset;
import dev.coppice.evaluation.data.Evaluation;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.util.Optional;

/**
 * The data that options name, opened for the inputs of a model.
 *
 * @param calibration what models are run on to choose and repair
 * @param evaluation what they are measured with
 */
record ChosenData(Optional<Dataset> calibration, Optional<Evaluation> evaluation)
    implements AutoCloseable {

  /**
   * Opens the data; without any, the model does not count.
   *
   * @param dense the model as the bytes of a file
   */
  static ChosenData open(DataChoice choice, byte[] dense) throws IOException {
    int threads = Runtime.getRuntime().availableProcessors();
    String calibrated = choice.calibration;
    String evaluated = choice.eval;
    Optional<Dataset> calibration =
        calibrated == null
            ? Optional.empty()
            : found(() -> Dataset.open(calibrated, dense, choice.forCalibration(threads)));
    try {
      return new ChosenData(
          calibration,
          evaluated == null
              ? Optional.empty()
              : found(() -> Evaluation.of(evaluated, dense, choice.forEvaluation(threads))));
    } catch (IOException | RuntimeException e) {
      calibration.ifPresent(Dataset::close);
      throw e;
    }
  }

  private interface Opening<T> {
    T open() throws IOException;
  }

  private static <T> Optional<T> found(Opening<T> opening) throws IOException {
    try {
      return Optional.of(opening.open());
    } catch (NoSuchFileException e) {
      throw new Failure.Refusal(
          ExitStatus.NO_INPUT, e.getFile() + ": there is no such file or folder", e);
    }
  }

  @Override
  public void close() {
    // A method reference would load classes that need ONNX Runtime, also where there are no data.
    if (calibration.isPresent()) {
      calibration.get().close();
    }
    if (evaluation.isPresent()) {
      evaluation.get().close();
    }
  }
}
