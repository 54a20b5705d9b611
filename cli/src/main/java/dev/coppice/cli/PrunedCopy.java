package dev.coppice.cli;

import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.formats.recipe.Recipe;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/** A model as it is, or a copy of it that was pruned by a recipe and goes when this is closed. */
final class PrunedCopy implements AutoCloseable {
  private final Path file;
  private final Optional<TemporaryFolder> folder;
  private final Optional<PruningReport> report;

  private PrunedCopy(Path file, Optional<TemporaryFolder> folder, Optional<PruningReport> report) {
    this.file = file;
    this.folder = folder;
    this.report = report;
  }

  static PrunedCopy of(Path model, Optional<Path> recipe) throws IOException {
    if (recipe.isEmpty()) {
      return new PrunedCopy(model, Optional.empty(), Optional.empty());
    }
    PruningPlan plan = Models.input(recipe.get(), Recipe::read);
    TemporaryFolder folder = TemporaryFolder.make("coppice-shrink-");
    Path copy = folder.file("pruned.onnx");
    try (Checkpoint checkpoint = Models.open(model);
        Pruner pruner = Pruner.create()) {
      return new PrunedCopy(
          copy, Optional.of(folder), Optional.of(pruner.prune(checkpoint, plan, copy, false)));
    } catch (IOException | RuntimeException e) {
      folder.close();
      throw e;
    }
  }

  Path file() {
    return file;
  }

  /** Says what was pruned. */
  Optional<String> said() {
    return report.map(
        done ->
            "pruned "
                + Figures.count(done.pruned())
                + " of "
                + Figures.count(done.total())
                + " weights");
  }

  @Override
  public void close() throws IOException {
    if (folder.isPresent()) {
      folder.get().close();
    }
  }
}
