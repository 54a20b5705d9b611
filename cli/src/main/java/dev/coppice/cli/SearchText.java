package dev.coppice.cli;

import dev.coppice.cli.TextTable.Kind;
import dev.coppice.evaluation.search.Curve;
import dev.coppice.evaluation.search.DropSearch;
import dev.coppice.evaluation.search.Trial;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/** What a search for the smallest model within a drop shows: curves, and the front. */
final class SearchText {
  private static final String BARS = "▁▂▃▄▅▆▇█";
  private static final int POINTS = 3;

  private final DropSearch.Outcome found;
  private final OptionalInt width;

  SearchText(DropSearch.Outcome found, OptionalInt width) {
    this.found = found;
    this.width = width;
  }

  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add("how the metric falls when one group alone loses a quarter, a half, three quarters:");
    lines.addAll(curves());
    lines.add("");
    lines.add("models that no other one beats:");
    lines.addAll(front());
    lines.add("");
    return lines;
  }

  private List<String> curves() {
    TextTable table =
        new TextTable()
            .column("group", Kind.NAME)
            .column("units", Kind.NUMBER)
            .column("1/4", Kind.NUMBER)
            .column("1/2", Kind.NUMBER)
            .column("3/4", Kind.NUMBER)
            .column("", Kind.WORD)
            .column("kept", Kind.NUMBER);
    double most =
        found.curves().stream()
            .flatMap(curve -> curve.points().stream())
            .mapToDouble(Curve.Point::drop)
            .max()
            .orElse(0);
    for (int i = 0; i < found.curves().size(); i++) {
      Curve curve = found.curves().get(i);
      List<String> cells = new ArrayList<>();
      cells.add(Figures.printable(curve.layer().name()));
      cells.add(Figures.count(curve.layer().units()));
      StringBuilder bars = new StringBuilder();
      for (int p = 0; p < POINTS; p++) {
        boolean known = p < curve.points().size();
        double drop = known ? curve.points().get(p).drop() : 0;
        cells.add(known ? String.format(Locale.ROOT, "%+.4f", 0 - drop) : "");
        bars.append(known ? bar(drop, most) : ' ');
      }
      cells.add(bars.toString());
      cells.add(Figures.count(found.best().kept().get(i)));
      table.row(cells);
    }
    return table.lines(width);
  }

  private static char bar(double drop, double most) {
    double share = most <= 0 ? 0 : Math.max(0, drop) / most;
    return BARS.charAt((int) Math.round(share * (BARS.length() - 1)));
  }

  private List<String> front() {
    TextTable table =
        new TextTable()
            .column("left", Kind.NUMBER)
            .column("metric", Kind.NUMBER)
            .column("", Kind.WORD);
    Trial knee = found.front().knee();
    for (Trial trial : found.front().trials()) {
      List<String> marks = new ArrayList<>();
      if (trial.equals(found.best())) {
        marks.add("taken");
      }
      if (trial.equals(knee)) {
        marks.add("knee");
      }
      if (trial.equals(found.dense())) {
        marks.add("dense");
      }
      table.row(
          List.of(
              String.format(Locale.ROOT, "%.2f%%", 100 * trial.left()),
              String.format(Locale.ROOT, "%.4f", trial.score()),
              String.join(", ", marks)));
    }
    return table.lines(width);
  }
}
