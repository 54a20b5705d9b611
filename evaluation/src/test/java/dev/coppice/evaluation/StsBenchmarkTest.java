package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rank correlation with people's judgement on the 1,379 pairs of the STS benchmark's test set. */
class StsBenchmarkTest {
  @TempDir private Path folder;

  static double measure(Path model) throws IOException, OrtException {
    List<StsPair> pairs = StsPair.read(SharedData.folder("stsb").resolve("test.csv"));
    assertThat(pairs).hasSize(1379);
    List<String> sentences =
        pairs.stream().flatMap(pair -> Stream.of(pair.first(), pair.second())).toList();
    double[] cosines = new double[pairs.size()];
    try (SentenceEncoder encoder = SentenceEncoder.open(model, MiniLm.tokenizer(), 2)) {
      float[][] vectors = encoder.encode(sentences);
      for (int i = 0; i < cosines.length; i++) {
        cosines[i] = Metrics.cosine(vectors[2 * i], vectors[2 * i + 1]);
      }
    }
    return Metrics.spearman(cosines, pairs.stream().mapToDouble(StsPair::score).toArray());
  }

  @Test
  void theDenseModelReachesItsPublishedQuality() throws IOException, OrtException {
    assertThat(measure(MiniLm.model(SentenceEncoderTest.MODELS))).isCloseTo(0.8203, within(0.001));
  }

  @Test
  void prunedModelsReachWhatAnIndependentPrunerReached() throws IOException, OrtException {
    Path dense = MiniLm.model(SentenceEncoderTest.MODELS);
    assertThat(measure(pruned(dense, Rule.unstructured(0.5), "half.onnx")))
        .isCloseTo(0.8019, within(0.001));
    assertThat(measure(pruned(dense, Rule.nOfM(2, 4), "2of4.onnx")))
        .isCloseTo(0.7721, within(0.001));
  }

  private Path pruned(Path dense, Rule rule, String name) throws IOException {
    Path copy = folder.resolve(name);
    try (Pruner pruner = Pruner.create();
        Checkpoint model = Checkpoints.open(dense)) {
      pruner.prune(model, PruningPlan.of(rule), copy, false);
    }
    return copy;
  }
}
