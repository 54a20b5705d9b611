package dev.coppice.cli;

import dev.coppice.Selection.LeftAlone;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Says which tensors were left alone and why, those with the same reason together. */
final class LeftAloneText {
  private static final int NAMED = 3;

  private LeftAloneText() {}

  static List<String> lines(List<LeftAlone> leftAlone, OptionalInt width, boolean all) {
    Map<String, List<String>> byReason = new LinkedHashMap<>();
    for (LeftAlone left : leftAlone) {
      byReason
          .computeIfAbsent(left.reason(), r -> new ArrayList<>())
          .add(Figures.printable(left.tensor().name()));
    }
    List<String> lines = new ArrayList<>();
    byReason.forEach(
        (reason, names) -> {
          if (all) {
            lines.add("  " + reason + ":");
            names.forEach(name -> lines.add("    " + name));
          } else {
            lines.add(line("  " + Figures.printable(reason) + ": ", names, width));
          }
        });
    return lines;
  }

  private static String line(String reason, List<String> names, OptionalInt width) {
    String count = names.size() <= NAMED ? "" : Figures.counted(names.size(), "tensor") + ", ";
    String shown = String.join(", ", names.subList(0, Math.min(NAMED, names.size())));
    String line = reason + count + shown + (names.size() > NAMED ? ", ..." : "");
    if (width.isPresent() && line.length() > width.getAsInt()) {
      int room = Math.max(0, width.getAsInt() - reason.length() - count.length());
      return reason + count + (room < 12 ? "..." : Figures.shortened(shown, room));
    }
    return line;
  }
}
