package dev.coppice.evaluation;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Aligned columns, printed line by line as they become known: the first column to the left, the
 * others to the right, each as wide as its heading.
 */
final class Table {
  private final PrintStream out;
  private final Ink ink;
  private final int[] widths;

  /** Prints the headings. */
  Table(PrintStream out, Ink ink, String... headings) {
    this.out = out;
    this.ink = ink;
    this.widths = Arrays.stream(headings).mapToInt(String::length).toArray();
    out.println(ink.bold(line(Arrays.stream(headings).map(String::strip).toArray(String[]::new))));
  }

  void row(String... cells) {
    out.println(line(cells));
  }

  /** Prints a row that is there for comparison. */
  void faintRow(String... cells) {
    out.println(ink.faint(line(cells)));
  }

  private String line(String... cells) {
    return IntStream.range(0, cells.length)
        .mapToObj(i -> String.format("%" + (i == 0 ? "-" : "") + widths[i] + "s", cells[i]))
        .collect(Collectors.joining(" ", "  ", ""))
        .stripTrailing();
  }
}
