package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Scope;
import dev.coppice.graph.ShrinkRequest.Criterion;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What criteria are worth: accuracy on images that were not calibrated on, nothing repaired. */
@Tag("long")
class QualityTest {
  private static final int CALIBRATED = 600;
  private static final int FIRST = 4_000;
  private static final int LAST = 10_000;

  @TempDir static Path folder;

  private static double accuracy(
      RealModel model, double fraction, Criterion criterion, Scope scope, long seed)
      throws IOException {
    Fashion fashion = Fashion.read();
    Shrinkage done =
        Shrinker.open(model.file(folder), Map.of())
            .shrink(
                new ShrinkRequest(
                    Metric.MACS,
                    fraction,
                    criterion,
                    scope,
                    ShrinkRequest.ROUND_TO,
                    ShrinkRequest.FLOOR,
                    ShrinkRequest.KINDS,
                    List.of(),
                    seed),
                fashion.images(0, CALIBRATED));
    return fashion.accuracy(done.model(), FIRST, LAST);
  }

  @ParameterizedTest
  @CsvSource({"RESNET, 0.8", "RESNET, 0.6", "MOBILE, 0.8", "MOBILE, 0.6"})
  void activationsAreBetterThanWeightsAndChance(RealModel model, double fraction)
      throws IOException {
    List<Double> chances = new ArrayList<>();
    for (int seed = 0; seed < 5; seed++) {
      chances.add(accuracy(model, fraction, Criterion.RANDOM, Scope.GLOBAL, seed));
    }
    Collections.sort(chances);
    double activation = accuracy(model, fraction, Criterion.ACTIVATION, Scope.GLOBAL, 0);
    assertThat(activation)
        .isGreaterThan(chances.get(2) + 0.15)
        .isGreaterThan(accuracy(model, fraction, Criterion.L2, Scope.GLOBAL, 0) + 0.15)
        .isGreaterThan(accuracy(model, fraction, Criterion.L2, Scope.TENSOR, 0) + 0.15);
  }
}
