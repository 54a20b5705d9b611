package dev.coppice.cli;

import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.LinearPlan.Row;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** What was measured of linear layers, as people read of it. */
final class BenchText {
  private static final int USUAL_WIDTH = 80;

  private final LinearPlan plan;
  private final List<Long> asked;
  private final OptionalInt width;
  private final Map<String, List<Row>> layers = new LinkedHashMap<>();

  /**
   * Prepares it.
   *
   * @param asked the batches that were asked for; the plan may have smaller ones
   */
  BenchText(LinearPlan plan, List<Long> asked, OptionalInt width) {
    this.plan = plan;
    this.asked = List.copyOf(asked);
    this.width = width;
    for (Row row : plan.rows()) {
      layers.computeIfAbsent(row.layer(), name -> new ArrayList<>()).add(row);
    }
  }

  List<String> lines() {
    List<String> lines = new ArrayList<>(wrapped("Measured on " + plan.key()));
    for (List<List<Row>> equal : kinds()) {
      lines.add("");
      lines.add(title(equal));
      lines.addAll(table(equal.get(0)).lines(width));
    }
    lines.add("");
    if (layers.size() > 1) {
      lines.add("All " + Figures.counted(layers.size(), "layer") + ":");
      lines.addAll(sumTable(sums()).lines(width));
      lines.add("");
    }
    smaller().ifPresent(note -> lines.addAll(wrapped(note)));
    lines.addAll(wrapped(conclusion()));
    return lines;
  }

  private List<String> wrapped(String sentence) {
    return Figures.wrapped(
        Figures.printable(sentence), width.isPresent() ? width : OptionalInt.of(USUAL_WIDTH));
  }

  /** Gives the layers' rows, those together that were measured as one. */
  private Collection<List<List<Row>>> kinds() {
    return layers.values().stream()
        .collect(
            Collectors.groupingBy(BenchText::measurement, LinkedHashMap::new, Collectors.toList()))
        .values();
  }

  /** Gives what two layers have in common that were measured as one. */
  private static List<Object> measurement(List<Row> rows) {
    List<Object> all = new ArrayList<>();
    for (Row row : rows) {
      all.addAll(
          List.of(row.out(), row.in(), row.dtype(), row.batch(), row.provider(), row.format()));
      all.add(row.seconds());
    }
    return all;
  }

  private static String title(List<List<Row>> equal) {
    Row first = equal.get(0).get(0);
    double least = equal.stream().mapToDouble(rows -> rows.get(0).sparsity()).min().orElseThrow();
    double most = equal.stream().mapToDouble(rows -> rows.get(0).sparsity()).max().orElseThrow();
    String others = equal.size() == 1 ? "" : " and " + (equal.size() - 1) + " more";
    String kind =
        String.format(
            Locale.ROOT,
            "%s: %dx%d %s, %s zero",
            others,
            first.out(),
            first.in(),
            first.dtype(),
            share(least, most));
    String name = Figures.printable(first.layer());
    return Figures.shortened(name, Math.max(20, USUAL_WIDTH - kind.length())) + kind;
  }

  private static String share(double least, double most) {
    String low = String.format(Locale.ROOT, "%.1f", 100 * least);
    String high = String.format(Locale.ROOT, "%.1f", 100 * most);
    return low.equals(high) ? low + " %" : low + " to " + high + " %";
  }

  private static TextTable table(List<Row> rows) {
    boolean energy = rows.stream().anyMatch(row -> row.joules().isPresent());
    TextTable table =
        new TextTable()
            .column(" ", TextTable.Kind.WORD)
            .column("batch", TextTable.Kind.NUMBER)
            .column("format", TextTable.Kind.WORD)
            .column("by", TextTable.Kind.WORD)
            .column("time", TextTable.Kind.NUMBER)
            .column("spread", TextTable.Kind.NUMBER)
            .column("speed-up", TextTable.Kind.NUMBER)
            .column("weights", TextTable.Kind.NUMBER);
    if (energy) {
      table.column("energy", TextTable.Kind.NUMBER);
    }
    for (Row row : rows) {
      List<String> cells =
          new ArrayList<>(
              List.of(
                  row.chosen() ? "*" : "",
                  Figures.count(row.batch()),
                  row.format().title(),
                  Figures.printable(row.provider()),
                  time(row.seconds()),
                  time(row.spread()),
                  times(row.speedup()),
                  Figures.bytes(row.bytes())));
      if (energy) {
        cells.add(row.joules().map(BenchText::energy).orElse("-"));
      }
      table.row(cells);
    }
    return table;
  }

  /** Gives, for each batch, what all layers take together. */
  private static TextTable sumTable(List<BenchSum> sums) {
    boolean energy =
        sums.stream()
            .allMatch(sum -> sum.denseJoules().isPresent() && sum.chosenJoules().isPresent());
    TextTable table =
        new TextTable()
            .column("batch", TextTable.Kind.NUMBER)
            .column("dense", TextTable.Kind.NUMBER)
            .column("chosen", TextTable.Kind.NUMBER)
            .column("speed-up", TextTable.Kind.NUMBER)
            .column("weights", TextTable.Kind.NUMBER)
            .column("chosen", TextTable.Kind.NUMBER);
    if (energy) {
      table.column("energy", TextTable.Kind.NUMBER).column("chosen", TextTable.Kind.NUMBER);
    }
    for (BenchSum sum : sums) {
      List<String> cells =
          new ArrayList<>(
              List.of(
                  Figures.count(sum.batch()),
                  time(sum.dense()),
                  time(sum.chosen()),
                  times(sum.speedup()),
                  Figures.bytes(sum.denseBytes()),
                  Figures.bytes(sum.chosenBytes())));
      if (energy) {
        cells.add(energy(sum.denseJoules().orElseThrow()));
        cells.add(energy(sum.chosenJoules().orElseThrow()));
      }
      table.row(cells);
    }
    return table;
  }

  /** Says which batches were measured with fewer rows. */
  private Optional<String> smaller() {
    List<String> notes = new ArrayList<>();
    for (long batch : asked) {
      long least =
          layers.values().stream()
              .filter(rows -> rows.stream().noneMatch(row -> row.batch() == batch))
              .mapToLong(rows -> nearest(rows, batch))
              .min()
              .orElse(batch);
      if (least < batch) {
        notes.add("%s with %s".formatted(Figures.count(batch), Figures.count(least)));
      }
    }
    return notes.isEmpty()
        ? Optional.empty()
        : Optional.of(
            "Batches that take too long here were measured with fewer rows%s: %s."
                .formatted(
                    layers.size() == 1 ? "" : ", and times in sums grow with the rows",
                    String.join(", ", notes)));
  }

  private static long nearest(List<Row> rows, long batch) {
    return rows.stream().mapToLong(Row::batch).filter(rowsOf -> rowsOf < batch).max().orElse(batch);
  }

  private List<BenchSum> sums() {
    return asked.stream().map(batch -> BenchSum.of(layers.values(), batch)).toList();
  }

  /** Says in a sentence what is gained. */
  String conclusion() {
    if (plan.rows().stream().noneMatch(row -> row.chosen() && row.format() != Format.DENSE)) {
      return "Nothing here is faster than dense: keep it dense.";
    }
    String gains = sums().stream().map(this::gain).collect(Collectors.joining("; "));
    return gains.substring(0, 1).toUpperCase(Locale.ROOT) + gains.substring(1) + ".";
  }

  private String gain(BenchSum sum) {
    String batch = "at batch " + Figures.count(sum.batch()) + " ";
    if (sum.sparse().isEmpty()) {
      return batch + "nothing is faster than dense";
    }
    String formats =
        sum.sparse().stream()
            .map(row -> row.format().title())
            .distinct()
            .collect(Collectors.joining(" and "));
    boolean several = sum.sparse().stream().map(Row::format).distinct().count() > 1;
    return layers.size() == 1
        ? "%s%s makes this layer %s as fast as dense"
            .formatted(batch, formats, times(sum.speedup()))
        : "%s%s make%s %d of %d layers faster, and all layers together %s"
            .formatted(
                batch,
                formats,
                several ? "" : "s",
                sum.sparse().size(),
                layers.size(),
                times(sum.speedup()));
  }

  private static String times(double ratio) {
    return String.format(Locale.ROOT, ratio < 9.995 ? "%.2fx" : "%.0fx", ratio);
  }

  /** Writes a time in the unit that fits. */
  private static String time(double seconds) {
    return scaled(seconds, "s");
  }

  private static String energy(double joules) {
    return scaled(joules, "J");
  }

  private static String scaled(double value, String unit) {
    if (value >= 0.9995) {
      return String.format(Locale.ROOT, "%.2f %s", value, unit);
    }
    return value >= 0.9995e-3
        ? String.format(Locale.ROOT, "%.2f m%s", 1e3 * value, unit)
        : String.format(Locale.ROOT, "%.1f u%s", 1e6 * value, unit);
  }
}
