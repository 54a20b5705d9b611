package dev.coppice.evaluation;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Where the demo shows what it found, in 80 columns, and what it is doing. */
record Screen(PrintStream out, Ink ink, Steps steps) {
  private static final int LINE = 66;

  void print(String format, Object... values) {
    out.println(String.format(Locale.ROOT, format, values));
  }

  void heading(String format, Object... values) {
    print("");
    out.println(ink.bold(String.format(Locale.ROOT, format, values)));
  }

  /** Shows a sentence beside a word that sums it up. */
  void point(String title, String format, Object... values) {
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
}
