package dev.coppice.cli;

import dev.coppice.Selection.LeftAlone;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** Says which tensors were left alone and why, those with the same reason together. */
final class LeftAloneText {
  private static final int NAMED = 3;
  private static final int REASONS = 8;

  private LeftAloneText() {}

  static List<String> lines(List<LeftAlone> leftAlone, OptionalInt width, boolean all) {
    Map<String, List<String>> byReason = new LinkedHashMap<>();
    for (LeftAlone left : leftAlone) {
      byReason
          .computeIfAbsent(left.reason(), r -> new ArrayList<>())
          .add(Figures.printable(left.tensor().name()));
    }
    List<String> lines = new ArrayList<>();
    int shown = all || byReason.size() <= REASONS ? byReason.size() : REASONS - 1;
    int more = leftAlone.size();
    for (Map.Entry<String, List<String>> entry : largestFirst(byReason).subList(0, shown)) {
      String reason = "  " + Figures.printable(entry.getKey()) + ":";
      if (all) {
        lines.add(reason);
        entry.getValue().forEach(name -> lines.add("    " + name));
      } else {
        lines.add(line(reason + " ", entry.getValue(), width));
      }
      more -= entry.getValue().size();
    }
    if (more > 0) {
      lines.add("  " + Figures.count(more) + " more, for other reasons; --verbose lists all");
    }
    return lines;
  }

  private static List<Map.Entry<String, List<String>>> largestFirst(
      Map<String, List<String>> byReason) {
    List<Map.Entry<String, List<String>>> entries = new ArrayList<>(byReason.entrySet());
    entries.sort(Comparator.comparing(entry -> -entry.getValue().size()));
    return entries;
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
