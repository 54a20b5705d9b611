package dev.coppice.evaluation;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import dev.coppice.BackendUnavailableException;
import dev.coppice.evaluation.RandomInputs.Impossible;
import java.io.IOException;
import java.util.Map;

/**
 * Times smaller models against a dense one in ONNX Runtime on this machine, on inputs drawn from a
 * fixed seed. For one thread at a time; the one who opens it closes it.
 */
public final class LatencyMeter implements AutoCloseable {
  private final OnnxModel dense;
  private final Map<String, OnnxTensor> inputs;
  private final int threads;

  private LatencyMeter(OnnxModel dense, Map<String, OnnxTensor> inputs, int threads) {
    this.dense = dense;
    this.inputs = inputs;
    this.threads = threads;
  }

  /**
   * Loads the dense model.
   *
   * @param model the model as the bytes of a file
   * @param sizes the shapes of its inputs, by name
   * @param threads what each model runs with
   * @throws BackendUnavailableException if ONNX Runtime cannot run the model; {@link
   *     OnnxRuntime#missing} says first whether it is there
   */
  public static LatencyMeter open(byte[] model, Map<String, long[]> sizes, int threads)
      throws IOException {
    RandomInputs inputs = new RandomInputs(InputBounds.of(ModelGraph.of(model)), sizes);
    try {
      OnnxModel dense = OnnxModel.openToTime(model, threads);
      try {
        return new LatencyMeter(dense, inputs.draw(dense, 0), threads);
      } catch (OrtException | RuntimeException | Impossible e) {
        dense.close();
        throw e;
      }
    } catch (OrtException | Impossible e) {
      throw unavailable("the dense model", e);
    }
  }

  /** Times a model roughly, in some two seconds, to tell it from others. */
  public Latency glance(byte[] small) {
    return measure(small, Race.quick());
  }

  /** Times a model in some six seconds at most, unless a run takes longer than a second. */
  public Latency measure(byte[] small) {
    return measure(small, Race.whole());
  }

  private Latency measure(byte[] small, Race race) {
    try (OnnxModel model = OnnxModel.openToTime(small, threads)) {
      return race.between(
          () -> dense.run(inputs).close(), () -> model.run(inputs).close(), threads);
    } catch (OrtException e) {
      throw unavailable("the smaller model", e);
    }
  }

  private static BackendUnavailableException unavailable(String what, Exception e) {
    BackendUnavailableException failure =
        new BackendUnavailableException(
            "ONNX Runtime cannot run " + what + " to time it: " + e.getMessage());
    failure.initCause(e);
    return failure;
  }

  @Override
  public void close() {
    inputs.values().forEach(OnnxTensor::close);
    try {
      dense.close();
    } catch (OrtException e) {
      throw new IllegalStateException(e);
    }
  }
}
