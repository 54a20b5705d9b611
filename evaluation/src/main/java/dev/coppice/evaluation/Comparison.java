package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import dev.coppice.Pruner;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * A model and its pruned copies, all put through one exam.
 *
 * @param deflated the dense model's size when it is compressed
 */
record Comparison<Q>(Q dense, long deflated, List<Row<Q>> rows) {
  /** A pruned copy and how well it did. */
  record Row<Q>(Trial trial, Q quality) {}

  /** What a comparison is made with, and where it is shown. */
  record Stage(Pruner pruner, Screen screen) {}

  private static final List<String> HEADINGS =
      List.of(" ".repeat(14), "     asked", "    pruned", "prune s", "all s", "gzip MB");

  /** Prunes and examines a model, row by row; of the copies it leaves the one named. */
  static <Q> Comparison<Q> run(
      Stage stage, Checkpoint model, List<Variant> variants, String kept, Exam<Q> exam)
      throws IOException, OrtException {
    Path file = model.path();
    Screen screen = stage.screen();
    Steps steps = screen.steps();
    Table table = new Table(screen.out(), screen.ink(), cells(HEADINGS, exam.headings()));
    Q dense = steps.run("running the dense model", () -> exam.examine(file));
    long deflated = steps.run("compressing it", () -> DeflatedSize.of(file));
    table.row(cells(List.of("dense", "", "", "", "", megabytes(deflated)), exam.cells(dense)));
    List<Row<Q>> rows = new ArrayList<>();
    for (Variant variant : variants) {
      Trial trial =
          steps.run(
              "pruning and compressing: " + variant.name(),
              () -> Trial.run(stage.pruner(), model, variant));
      Q quality =
          steps.run("running the copy: " + variant.name(), () -> exam.examine(trial.file()));
      String[] cells = cells(cells(trial), exam.cells(quality));
      if (variant.isControl()) {
        table.faintRow(cells);
      } else {
        table.row(cells);
      }
      rows.add(new Row<>(trial, quality));
      if (!variant.slug().equals(kept)) {
        Files.delete(trial.file());
      }
    }
    return new Comparison<>(dense, deflated, List.copyOf(rows));
  }

  private static List<String> cells(Trial trial) {
    return List.of(
        trial.variant().name(),
        String.format(Locale.ROOT, "%,d", trial.asked()),
        String.format(Locale.ROOT, "%,d", trial.report().pruned()),
        String.format(Locale.ROOT, "%.4f", trial.report().seconds().prune()),
        String.format(Locale.ROOT, "%.2f", trial.report().seconds().total()),
        megabytes(trial.deflated()));
  }

  private static String[] cells(List<String> first, List<String> then) {
    return Stream.concat(first.stream(), then.stream()).toArray(String[]::new);
  }

  static String megabytes(long bytes) {
    return String.format(Locale.ROOT, bytes < 10_000_000 ? "%.2f" : "%.1f", bytes / 1e6);
  }

  Row<Q> row(String slug) {
    return rows.stream()
        .filter(r -> r.trial().variant().slug().equals(slug))
        .findFirst()
        .orElseThrow();
  }

  boolean isExact() {
    return rows.stream().allMatch(row -> row.trial().isExact());
  }
}
