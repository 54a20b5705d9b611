package dev.coppice.cli;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * Lays rows of text out in columns. Where the width does not suffice, names are shortened in the
 * middle; where even that leaves too little of them, they get a line of their own. Text is broken
 * between words.
 */
final class TextTable {
  private static final String GAP = "  ";
  private static final int SHORTEST_NAME = 14;

  /** What a column holds. */
  enum Kind {
    /** Text that may be shortened. */
    NAME,
    /** Text that is shown whole. */
    WORD,
    /** A number, aligned right. */
    NUMBER,
    /** Text, in the last column, that goes on in the next line where the width does not suffice. */
    TEXT
  }

  private record Column(String title, Kind kind) {}

  private final List<Column> columns = new ArrayList<>();
  private final List<List<String>> rows = new ArrayList<>();

  TextTable column(String title, Kind kind) {
    columns.add(new Column(title, kind));
    return this;
  }

  TextTable row(List<String> cells) {
    if (cells.size() != columns.size()) {
      throw new IllegalStateException("a row of " + cells.size() + " cells");
    }
    rows.add(List.copyOf(cells));
    return this;
  }

  /** Gives the lines, the titles first. */
  List<String> lines(OptionalInt width) {
    int[] widths = new int[columns.size()];
    List<String> titles = columns.stream().map(Column::title).toList();
    fit(widths, titles);
    rows.forEach(row -> fit(widths, row));
    List<String> lines = new ArrayList<>();
    boolean names = columns.stream().anyMatch(column -> column.kind == Kind.NAME);
    if (width.isPresent() && names && !shrink(widths, width.getAsInt())) {
      stacked(titles, widths, width.getAsInt(), lines);
      rows.forEach(row -> stacked(row, widths, width.getAsInt(), lines));
    } else {
      lines.add(line(titles, widths, true));
      rows.forEach(row -> addLines(row, widths, width, lines));
    }
    return lines;
  }

  private void addLines(List<String> row, int[] widths, OptionalInt width, List<String> lines) {
    int last = widths.length - 1;
    int before = GAP.length() * last + Arrays.stream(widths, 0, last).sum();
    boolean breaks = width.isPresent() && columns.get(last).kind == Kind.TEXT;
    List<String> cells = new ArrayList<>(row);
    for (String part :
        Figures.wrapped(
            row.get(last),
            breaks ? OptionalInt.of(width.getAsInt() - before) : OptionalInt.empty())) {
      cells.set(last, part);
      lines.add(line(cells, widths, true));
      cells.replaceAll(cell -> "");
    }
  }

  private void fit(int[] widths, List<String> cells) {
    for (int i = 0; i < widths.length; i++) {
      widths[i] = Math.max(widths[i], cells.get(i).length());
    }
  }

  /** Takes from the widest names until the row fits; says whether enough is left of them. */
  private boolean shrink(int[] widths, int width) {
    int total = GAP.length() * (widths.length - 1);
    for (int w : widths) {
      total += w;
    }
    while (total > width) {
      int widest = -1;
      for (int i = 0; i < widths.length; i++) {
        boolean name = columns.get(i).kind == Kind.NAME;
        if (name && (widest < 0 || widths[i] > widths[widest])) {
          widest = i;
        }
      }
      if (widest < 0 || widths[widest] <= SHORTEST_NAME) {
        return false;
      }
      widths[widest]--;
      total--;
    }
    return true;
  }

  private void stacked(List<String> cells, int[] widths, int width, List<String> lines) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < widths.length; i++) {
      if (columns.get(i).kind == Kind.NAME && !cells.get(i).isEmpty()) {
        names.add(cells.get(i));
      }
    }
    lines.add(Figures.shortened(String.join(GAP, names), width));
    lines.add(GAP + line(cells, widths, false));
  }

  private String line(List<String> cells, int[] widths, boolean names) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      Kind kind = columns.get(i).kind;
      if (kind == Kind.NAME && !names) {
        continue;
      }
      String cell = kind == Kind.NAME ? Figures.shortened(cells.get(i), widths[i]) : cells.get(i);
      String pad = " ".repeat(Math.max(0, widths[i] - cell.length()));
      line.append(line.isEmpty() ? "" : GAP);
      line.append(kind == Kind.NUMBER ? pad + cell : cell + pad);
    }
    return line.toString().stripTrailing();
  }
}
