package dev.coppice.cli;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Tensor;
import dev.coppice.formats.Checkpoints;
import dev.coppice.formats.recipe.Recipe;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/** The library example of the README, which shows what is between the marks. */
final class ReadmeExample {
  private ReadmeExample() {}

  static long run(float[] weights, ByteBuffer buffer, Path model, Path recipe, Path output)
      throws IOException {
    // example
    try (Pruner pruner = Pruner.create()) {
      PruningPlan half = PruningPlan.of(Rule.unstructured(0.5));

      // A float[] of 512 x 1024 weights, where it lies.
      pruner.prune(Tensor.of(weights, 512, 1024), half);

      // A direct ByteBuffer of BF16 weights: two of every four, without a copy.
      pruner.prune(Tensor.of(DType.BF16, buffer, 512, 1024), PruningPlan.of(Rule.nOfM(2, 4)));

      // A checkpoint, by a recipe, into a new file.
      try (Checkpoint checkpoint = Checkpoints.open(model)) {
        PruningReport report = pruner.prune(checkpoint, Recipe.read(recipe), output, false);
        System.out.printf("%d of %d weights are zero%n", report.zeros(), report.total());
        // end
        return report.pruned();
      }
    }
  }
}
