package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import dev.coppice.CheckpointFormatException;
import dev.coppice.Pruner;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.Option;

/**
 * Shrinks and prunes real models and shows what was gained and what was lost, as measured on the
 * machine that it runs on.
 */
@Command(
    name = "coppice demo",
    description = {
      "Shrinks two small image classifiers and a sentence encoder of 90 MB, repairs and proves them,"
          + " then puts zeros into two, and measures with ONNX Runtime what was gained and lost.",
      "Needs no network, and 500 MB of disk."
    },
    sortOptions = false,
    exitCodeOnInvalidInput = Demo.EX_USAGE)
public final class Demo implements Callable<Integer> {
  static final int EX_USAGE = 64;
  private static final int EX_DATAERR = 65;
  private static final int EX_SOFTWARE = 70;
  private static final int EX_IOERR = 74;

  private static final int THREADS = Math.min(8, Runtime.getRuntime().availableProcessors());

  /** Of the thousand images that come with it, those that models are calibrated on. */
  private static final int SOME = 400;

  @Option(names = "--quick", description = "Fewer models and copies, and a thousand images.")
  private boolean quick;

  @Option(
      names = "--work",
      paramLabel = "DIR",
      description = "Where models and copies are put (default: ${DEFAULT-VALUE}).")
  private Path work = cache().resolve("coppice").resolve("demo");

  @Option(
      names = "--images",
      paramLabel = "DIR",
      description =
          "A folder with the 10,000 test images of Fashion-MNIST, t10k-*-ubyte.gz, to calibrate on"
              + " the first thousand and measure by the others; without it the first thousand are"
              + " used, 400 to calibrate.")
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
    Files.createDirectories(work);
    FashionMnist small = FashionMnist.firstThousand();
    FashionMnist all = quick || images == null ? small : FashionMnist.read(images);
    try (Pruner pruner = Pruner.create();
        Steps steps = new Steps(err, ink.colour())) {
      Screen screen = new Screen(out, ink, steps);
      screen.print("Real models, made smaller by Coppice and measured here with ONNX Runtime.");
      screen.print("Backend %s, %d threads; work folder %s", pruner.backend(), THREADS, work);
      new ShrinkShow(screen, work, THREADS, quick)
          .show(all, all.size() > small.size() ? small.size() : SOME);
      boolean exact = new ZeroShow(pruner, screen, work, THREADS, quick).show(all);
      showNext(screen);
      return exact ? 0 : EX_SOFTWARE;
    }
  }

  private void showNext(Screen screen) {
    Path resnet = work.resolve("fashion-resnet.onnx");
    Path sentences = work.resolve("all-minilm-l6-v2.onnx");
    screen.heading("What next");
    screen.print("  ./coppice shrink %s \\", resnet);
    screen.print("    -o mine.onnx --target macs=0.5 --criterion activation --repair \\");
    screen.print("    --latency --calibration %s", ShrinkShow.images(work));
    screen.print("  ./coppice shrink %s \\", sentences);
    screen.print("    --target macs=0.7 --dry-run");
    screen.print("  ./coppice compare %s \\", sentences);
    screen.print("    %s", ZeroShow.copy(work));
    screen.print("  ./coppice shrink --help");
  }
}
