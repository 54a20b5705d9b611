package dev.coppice.cli;

import dev.coppice.cli.TextTable.Kind;
import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.Proof;
import dev.coppice.graph.Frozen;
import dev.coppice.graph.Metric;
import dev.coppice.graph.Repair;
import dev.coppice.graph.Shrinkage;
import dev.coppice.graph.Shrinker;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** What the command shrink shows. */
final class ShrinkText {
  private final Shrinker shrinker;
  private final ShrinkResult result;
  private final Shrinkage done;
  private final List<String> notes;
  private final OptionalInt width;

  /**
   * Holds what it is given.
   *
   * @param notes why no better backend was used
   */
  ShrinkText(Shrinker shrinker, ShrinkResult result, List<String> notes, OptionalInt width) {
    this.notes = List.copyOf(notes);
    this.shrinker = shrinker;
    this.result = result;
    this.done = result.done();
    this.width = width;
  }

  /** Says what would be done: the groups, what a unit of each saves, what is frozen and why. */
  List<String> plan() {
    TextTable table =
        new TextTable()
            .column("group", Kind.NAME)
            .column("of", Kind.WORD)
            .column("units", Kind.NUMBER)
            .column("kept", Kind.NUMBER)
            .column("macs a unit", Kind.NUMBER)
            .column("params a unit", Kind.NUMBER);
    for (Shrinkage.Part part : done.parts()) {
      Map<Metric, Double> saving = shrinker.saving(part.group());
      table.row(
          List.of(
              Figures.printable(part.group().name()),
              part.group().kind().toString(),
              Figures.count(part.group().units().size()),
              Figures.count(part.kept()),
              share(saving.getOrDefault(Metric.MACS, 0.0), done.before(Metric.MACS)),
              share(saving.getOrDefault(Metric.PARAMS, 0.0), done.before(Metric.PARAMS))));
    }
    List<String> lines = new ArrayList<>(table.lines(width));
    lines.add("");
    lines.addAll(frozen());
    lines.addAll(totals());
    lines.addAll(facts());
    lines.add("nothing was written");
    return lines;
  }

  /** Says what was done, layer by layer. */
  List<String> result(Path output) {
    TextTable table =
        new TextTable()
            .column("layer", Kind.NAME)
            .column("macs before", Kind.NUMBER)
            .column("after", Kind.NUMBER)
            .column("left", Kind.NUMBER);
    Map<String, Double> after = done.layersAfter(Metric.MACS);
    done.layersBefore(Metric.MACS)
        .forEach(
            (layer, macs) -> {
              double left = after.getOrDefault(layer, macs);
              table.row(
                  List.of(
                      Figures.printable(layer),
                      Figures.count(Math.round(macs)),
                      Figures.count(Math.round(left)),
                      share(left, macs)));
            });
    List<String> lines = new ArrayList<>(table.lines(width));
    lines.add("");
    lines.addAll(totals());
    result.proof().ifPresent(proof -> lines.addAll(point("proof", proof(proof))));
    lines.addAll(facts());
    lines.add("wrote " + Figures.printable(output.toString()));
    return lines;
  }

  /** Says what data told of the model. */
  private List<String> facts() {
    List<String> lines = new ArrayList<>();
    result.repair().ifPresent(repair -> lines.addAll(point("repair", repair(repair))));
    result.quality().ifPresent(quality -> lines.addAll(point("quality", quality(quality))));
    lines.addAll(point("backend", backend()));
    result.search().ifPresent(search -> lines.addAll(0, new SearchText(search, width).lines()));
    return lines;
  }

  private String backend() {
    return shrinker.backend()
        + notes.stream().map(note -> "; " + note).collect(Collectors.joining());
  }

  private static String repair(Repair repair) {
    return Figures.counted(repair.layers().size(), "layer")
        + " fitted"
        + (repair.backend().isEmpty() ? "" : ", sums by " + repair.backend())
        + repair.notes().stream().map(note -> "; " + note).collect(Collectors.joining())
        + (repair.skipped().isEmpty()
            ? ""
            : "; left as they were: "
                + repair.skipped().stream()
                    .map(s -> Figures.printable(s.name() + " (" + s.reason() + ")"))
                    .collect(Collectors.joining(", ")));
  }

  private static String quality(ShrinkResult.Quality quality) {
    return String.format(
        Locale.ROOT,
        "%s %.4f -> %.4f, %+.4f%s",
        quality.metric(),
        quality.dense(),
        quality.small(),
        quality.small() - quality.dense(),
        quality.cut().isPresent()
            ? String.format(Locale.ROOT, "; %.4f before the repair", quality.cut().getAsDouble())
            : "");
  }

  /** Names each reason once, with how many axes of weights it keeps from being cut. */
  private List<String> frozen() {
    Map<String, List<Frozen>> reasons = new LinkedHashMap<>();
    for (Frozen frozen : shrinker.frozen()) {
      reasons.computeIfAbsent(frozen.reason(), reason -> new ArrayList<>()).add(frozen);
    }
    if (reasons.isEmpty()) {
      return List.of();
    }
    TextTable table =
        new TextTable()
            .column("frozen axes", Kind.NUMBER)
            .column("the first of", Kind.NAME)
            .column("why", Kind.TEXT);
    reasons.forEach(
        (reason, all) ->
            table.row(
                List.of(
                    Figures.count(all.size()),
                    Figures.printable(all.get(0).layer()),
                    Figures.printable(reason))));
    List<String> lines = new ArrayList<>(table.lines(width));
    lines.add("");
    return lines;
  }

  private List<String> totals() {
    List<String> lines = new ArrayList<>();
    for (Metric metric : Metric.values()) {
      lines.add(
          "%-7s %s -> %s, %s left"
              .formatted(
                  metric,
                  Figures.count(Math.round(done.before(metric))),
                  Figures.count(Math.round(done.after(metric))),
                  share(done.after(metric), done.before(metric))));
    }
    result.latency().ifPresent(latency -> lines.addAll(point("latency", latency(latency))));
    return lines;
  }

  private String latency(Latency latency) {
    return String.format(
        Locale.ROOT,
        "%s -> %s ms, %.2f%% left%s: medians of %d pairs in turn and of their ratios; %s, half of"
            + " the runs within %s-%s and %s-%s ms",
        milliseconds(latency.dense().median()),
        milliseconds(latency.small().median()),
        100 * latency.ratio(),
        result.target().isPresent()
            ? String.format(
                Locale.ROOT, " of %.2f%% asked for", 100 * result.target().getAsDouble())
            : "",
        latency.pairs(),
        Figures.counted(latency.threads(), "thread"),
        milliseconds(latency.dense().low()),
        milliseconds(latency.dense().high()),
        milliseconds(latency.small().low()),
        milliseconds(latency.small().high()));
  }

  private static String milliseconds(double seconds) {
    return String.format(Locale.ROOT, seconds < 0.01 ? "%.3f" : "%.1f", 1e3 * seconds);
  }

  private String proof(Proof proof) {
    if (proof instanceof Proof.Held held) {
      return String.format(
          Locale.ROOT,
          "%s cut, none unchecked; in %s of both models their outputs were within %.1e of the"
              + " largest number, %.1e is allowed",
          Figures.counted(result.cut().size(), "group"),
          Figures.counted(held.runs(), "run"),
          held.furthest(),
          held.tolerance());
    }
    List<String> unchecked = result.unchecked();
    return "not run; "
        + Figures.counted(unchecked.size(), "group")
        + " unchecked: "
        + Figures.printable(String.join(", ", unchecked));
  }

  /** Wraps a sentence behind its title. */
  private List<String> point(String title, String sentence) {
    OptionalInt rest =
        width.isPresent() ? OptionalInt.of(Math.max(20, width.getAsInt() - 8)) : width;
    List<String> lines = new ArrayList<>();
    for (String line : Figures.wrapped(sentence, rest)) {
      lines.add("%-7s %s".formatted(lines.isEmpty() ? title : "", line));
    }
    return lines;
  }

  private static String share(double part, double whole) {
    return String.format(Locale.ROOT, "%.2f%%", whole == 0 ? 100 : 100 * part / whole);
  }
}
