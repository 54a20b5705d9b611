package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import dev.coppice.Pruner;
import dev.coppice.Scope;
import dev.coppice.evaluation.Comparison.Row;
import dev.coppice.evaluation.Comparison.Stage;
import dev.coppice.evaluation.SentenceExam.Quality;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Puts zeros into real models and shows what that gains and costs. */
final class ZeroShow {
  private final Stage stage;
  private final Screen screen;
  private final Path work;
  private final int threads;
  private final boolean quick;

  ZeroShow(Pruner pruner, Screen screen, Path work, int threads, boolean quick) {
    this.stage = new Stage(pruner, screen);
    this.screen = screen;
    this.work = work;
    this.threads = threads;
    this.quick = quick;
  }

  /** Names the pruned copy that stays. */
  static Path copy(Path work) {
    return work.resolve("all-minilm-l6-v2-magnitude-50.onnx");
  }

  /** Prunes both models; says whether each copy lost exactly what was asked for. */
  boolean show(FashionMnist images) throws IOException, OrtException {
    boolean sentences = sentences();
    return images(images) && sentences;
  }

  private boolean sentences() throws IOException, OrtException {
    Path file = screen.steps().run("copying the model out of its jar", () -> MiniLm.model(work));
    SentenceExam exam = new SentenceExam(MiniLm.tokenizer(), TopicSentence.all(), threads);
    Variant half = Variant.magnitude(50, Scope.TENSOR);
    Variant control = Variant.random(50, Scope.TENSOR);
    try (Checkpoint model = Checkpoints.open(file)) {
      screen.heading("prune: zeros in all-MiniLM-L6-v2, which turns sentences into vectors");
      Comparison<Quality> result =
          Comparison.run(
              stage,
              model,
              quick ? List.of(half, control) : List.of(half, Variant.twoOfFour(), control),
              half.slug(),
              exam);
      screen.print("  order, cosine  as above, of all %d sentences", exam.sentences());
      screen.print("  topics         share whose nearest other sentence is of their topic");
      screen.print("  random         is the control: as many weights, whichever");
      screen.print("");
      sayExact(result);
      saySizes(result, model.bytes());
      return result.isExact();
    }
  }

  private void saySizes(Comparison<Quality> result, long bytes) {
    Row<Quality> half = result.row("magnitude-50");
    var report = half.trial().report();
    screen.point(
        "fast",
        "at 50 %%, %,d weights took %.4f s to rank and prune; with reading, writing and forcing"
            + " %s MB to the disk, %.2f s",
        report.total(),
        report.seconds().prune(),
        Comparison.megabytes(bytes),
        report.seconds().total());
    report.notes().forEach(note -> screen.point("", "backend %s", note));
    screen.point(
        "smaller",
        "compressed, the copy at 50 %% takes %s MB, the dense model %s MB; the weights that were"
            + " pruned lie in %.0f %% of its bytes",
        Comparison.megabytes(half.trial().deflated()),
        Comparison.megabytes(result.deflated()),
        100.0 * Float.BYTES * report.total() / bytes);
    screen.point(
        "run time",
        "a dense runtime multiplies zeros like other numbers, so expect no gain, and a copy that is"
            + " not compressed is as large as the model: for those, shrink");
  }

  private boolean images(FashionMnist shown) throws IOException, OrtException {
    Variant half = Variant.magnitude(50, Scope.GLOBAL);
    Variant control = Variant.random(50, Scope.GLOBAL);
    try (Checkpoint model = Checkpoints.open(FashionMnist.classifier(work))) {
      screen.heading("prune: zeros in fashion-resnet, %,d images", shown.size());
      Comparison<Double> result =
          Comparison.run(stage, model, List.of(half, control), "", new ImageExam(shown, threads));
      screen.print("  all layers compete for the count (scope global)");
      screen.print("");
      sayExact(result);
      return result.isExact();
    }
  }

  private void sayExact(Comparison<?> result) {
    long exact = result.rows().stream().filter(row -> row.trial().isExact()).count();
    screen.point(
        result.isExact() ? "exact" : "NOT EXACT",
        "%d of %d copies lost exactly the count that was asked for",
        exact,
        result.rows().size());
  }
}
