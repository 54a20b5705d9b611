package dev.coppice.cli;

import dev.coppice.BackendUnavailableException;
import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.LatencyMeter;
import dev.coppice.graph.Sparsified;
import dev.coppice.graph.Sparsifier;
import dev.coppice.simd.OrtLibrary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** What sparsify would gain for a model with zeros. */
sealed interface SparsifyTrial {
  /** Layers of fewer bytes stay in the processor's caches, where compressed ones gain no time. */
  long LEAST_BYTES = 64L << 20;

  /**
   * It was timed.
   *
   * @param bytes of the file
   * @param latency how long it takes beside the dense model
   */
  record Timed(long bytes, Latency latency) implements SparsifyTrial {}

  /** It was not tried, or could not be run. */
  record Untried(String why) implements SparsifyTrial {}

  /** Compresses all layers that fit, and times the model where there are weights enough to gain. */
  static SparsifyTrial of(Path zeros, Map<String, long[]> sizes, LatencyMeter meter)
      throws IOException {
    try {
      OrtLibrary.content();
      Sparsified made = Sparsifier.open(zeros, sizes).rewrite(SparsifyChoice::automatic);
      long bytes = made.rows().stream().mapToLong(row -> row.layer().bytes()).sum();
      if (bytes < LEAST_BYTES) {
        return new Untried(
            bytes == 0
                ? "no linear layer has zeros enough"
                : "its linear layers are small, %s in all, and stay in caches"
                    .formatted(Figures.bytes(bytes)));
      }
      byte[] model = made.model();
      Latency glance = meter.glance(model);
      return new Timed(model.length, Verdict.isWorthwhile(glance) ? meter.measure(model) : glance);
    } catch (BackendUnavailableException e) {
      return new Untried(String.valueOf(e.getMessage()));
    }
  }
}
