package dev.coppice.evaluation;

import dev.coppice.Pruner;
import dev.coppice.PruningReport;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A pruned copy of a model and what making it took.
 *
 * @param asked the weights that had to go
 * @param deflated the size of the copy when it is compressed
 */
record Trial(Variant variant, Path file, PruningReport report, long asked, long deflated) {
  /** Prunes the model into a file beside it; one of an earlier run is replaced. */
  static Trial run(Pruner pruner, Checkpoint model, Variant variant) throws IOException {
    String name = model.path().getFileName().toString().replace(".onnx", "");
    Path file = model.path().resolveSibling(name + "-" + variant.slug() + ".onnx");
    PruningReport report = pruner.prune(model, variant.plan(), file, true);
    return new Trial(variant, file, report, variant.asked(report), DeflatedSize.of(file));
  }

  boolean isExact() {
    return report.pruned() == asked;
  }
}
