package dev.coppice.cli;

import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.formats.recipe.Recipe;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/** A model as it is, or a copy of it that was pruned by a recipe and goes when this is closed. */
final class PrunedCopy implements AutoCloseable {
  private final Path file;
  private final Optional<Path> folder;
  private final Optional<PruningReport> report;

  private PrunedCopy(Path file, Optional<Path> folder, Optional<PruningReport> report) {
    this.file = file;
    this.folder = folder;
    this.report = report;
  }

  static PrunedCopy of(Path model, Optional<Path> recipe) throws IOException {
    if (recipe.isEmpty()) {
      return new PrunedCopy(model, Optional.empty(), Optional.empty());
    }
    PruningPlan plan = Models.input(recipe.get(), Recipe::read);
    Path folder = Files.createTempDirectory("coppice-shrink-");
    Path copy = folder.resolve("pruned.onnx");
    try (Checkpoint checkpoint = Models.open(model);
        Pruner pruner = Pruner.create()) {
      return new PrunedCopy(
          copy, Optional.of(folder), Optional.of(pruner.prune(checkpoint, plan, copy, false)));
    } catch (IOException | RuntimeException e) {
      remove(folder);
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

  /** Removes the copy with the files beside it that have its data. */
  private static void remove(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }

  @Override
  public void close() throws IOException {
    if (folder.isPresent()) {
      remove(folder.get());
    }
  }
}
