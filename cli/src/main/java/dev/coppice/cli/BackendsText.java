package dev.coppice.cli;

import dev.coppice.Backends;
import dev.coppice.spi.Availability;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/** The backends, as people read of them. */
final class BackendsText {
  /**
   * A backend and what was found out about it.
   *
   * @param speed in GB of weights a second, if it was measured
   * @param details lines on what it runs on
   */
  record Row(Backends.Entry entry, OptionalDouble speed, List<String> details) {}

  private BackendsText() {}

  /** Gives the lines of a table of the backends, the best first. */
  static List<String> lines(List<Row> rows, OptionalInt width) {
    TextTable table =
        new TextTable()
            .column("backend", TextTable.Kind.WORD)
            .column("pruning", TextTable.Kind.NUMBER)
            .column("runs on", TextTable.Kind.TEXT);
    boolean taken = false;
    for (Row row : rows) {
      Backends.Entry entry = row.entry();
      boolean mayTake = !taken && entry.rank() >= 0;
      taken |= isUsable(entry) && mayTake && entry.worthwhileBytes() == 0;
      String speed = row.speed().isPresent() ? Figures.gigabytes(row.speed().getAsDouble()) : "-";
      table.row(List.of(entry.name(), speed, runsOn(entry, mayTake)));
      row.details().forEach(line -> table.row(List.of("", "", Figures.printable(line))));
    }
    return table.lines(width);
  }

  private static boolean isUsable(Backends.Entry entry) {
    return entry.availability() instanceof Availability.Usable;
  }

  private static String runsOn(Backends.Entry entry, boolean mayTake) {
    if (entry.availability() instanceof Availability.Unusable no) {
      return "cannot be used: " + no.reason();
    }
    String what = ((Availability.Usable) entry.availability()).runsOn();
    if (!mayTake) {
      return what;
    }
    return entry.worthwhileBytes() == 0
        ? what + "  (auto takes this one)"
        : what + "  (auto takes it from " + Figures.bytes(entry.worthwhileBytes()) + " on)";
  }
}
