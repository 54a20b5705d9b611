package dev.coppice.cli;

import dev.coppice.evaluation.Latency;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** What the command advise shows: a row when a model was timed, and in the end what follows. */
final class AdviseText implements AdviseRun.Listener {
  private static final String WHOLE = "1.000";

  private final Consumer<String> told;
  private final OptionalInt width;
  private final String metric;

  /**
   * Prepares to show.
   *
   * @param told is told of each line
   * @param metric what quality is measured by, if it is
   */
  AdviseText(Consumer<String> told, OptionalInt width, Optional<String> metric) {
    this.told = told;
    this.width = width;
    this.metric = metric.map(name -> name.substring(0, Math.min(8, name.length()))).orElse("");
  }

  /** Says what is measured, and what the columns are. */
  void begin(Map<String, long[]> sizes, int threads) {
    String inputs =
        sizes.entrySet().stream()
            .sorted(Map.Entry.comparingByKey())
            .map(input -> Figures.printable(input.getKey()) + "=" + shape(input.getValue()))
            .collect(Collectors.joining(" "));
    wrap(
        "Timed in ONNX Runtime with "
            + Figures.counted(threads, "thread")
            + ", each model in turn with the dense one, for "
            + inputs
            + ".");
    told.accept("");
    told.accept(row("", "macs", "time", "ms", "half within", "file", metric));
  }

  static String shape(long[] sizes) {
    List<String> words = new ArrayList<>();
    for (long size : sizes) {
      words.add(String.valueOf(size));
    }
    return String.join("x", words);
  }

  @Override
  public void dense(Advice.Dense dense, Latency.Spread time) {
    row("dense", WHOLE, 1, time, dense.bytes(), dense.quality());
  }

  @Override
  public void shrunk(Advice.Shrunk model) {
    row("shrink", model);
  }

  @Override
  public void again(Advice.Shrunk model) {
    row("again ", model);
  }

  private void row(String what, Advice.Shrunk model) {
    row(
        what + " " + model.target() + " " + model.scope().name().toLowerCase(Locale.ROOT),
        String.format(Locale.ROOT, "%.3f", model.macs()),
        model.latency().ratio(),
        model.latency().small(),
        model.bytes(),
        model.quality());
  }

  @Override
  public void zeros(Advice.Zeros model) {
    Latency latency = model.latency();
    row(
        "zeros  " + model.pattern(),
        WHOLE,
        latency.ratio(),
        latency.small(),
        model.bytes(),
        model.quality());
    if (model.sparsified() instanceof SparsifyTrial.Timed timed) {
      Latency sparse = timed.latency();
      String what = "sparsify " + model.pattern();
      row(what, "", sparse.ratio(), sparse.small(), timed.bytes(), model.quality());
    }
  }

  private void row(
      String what,
      String macs,
      double time,
      Latency.Spread spread,
      long bytes,
      OptionalDouble quality) {
    told.accept(
        row(
            what,
            macs,
            String.format(Locale.ROOT, "%.3f", time),
            milliseconds(spread.median()),
            milliseconds(spread.low()) + "-" + milliseconds(spread.high()),
            Figures.bytes(bytes),
            quality.isEmpty() ? "" : String.format(Locale.ROOT, "%.4f", quality.getAsDouble())));
  }

  private static String row(Object... cells) {
    return String.format(Locale.ROOT, "%-18s  %6s  %6s  %8s  %13s  %8s  %8s", cells)
        .stripTrailing();
  }

  private static String milliseconds(double seconds) {
    double value = 1e3 * seconds;
    return String.format(Locale.ROOT, value < 10 ? "%.3f" : value < 100 ? "%.2f" : "%.1f", value);
  }

  /** Says what follows, and which commands do it. */
  void end(Verdict verdict, Optional<List<String>> shrink, List<List<String>> sparsify) {
    told.accept("");
    wrap(verdict.reasons().get(0));
    shrink.ifPresent(this::command);
    verdict.reasons().subList(1, verdict.reasons().size()).forEach(this::wrap);
    sparsify.forEach(this::command);
  }

  /** Shows a command on as many lines as it needs; a shell takes them as one. */
  private void command(List<String> words) {
    StringBuilder line = new StringBuilder("  ");
    for (String word : words) {
      boolean fits = width.isEmpty() || line.length() + word.length() + 3 <= width.getAsInt();
      if (!fits && !line.toString().isBlank()) {
        told.accept(line + " \\");
        line = new StringBuilder("     ");
      }
      line.append(line.toString().equals("  ") ? "" : " ").append(Figures.printable(word));
    }
    told.accept(line.toString());
  }

  private void wrap(String sentence) {
    Figures.wrapped(Figures.printable(sentence), width).forEach(told);
  }
}
