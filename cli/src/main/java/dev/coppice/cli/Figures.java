package dev.coppice.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/** Numbers, names and sentences as they are printed. */
final class Figures {
  private static final String[] UNITS = {"B", "kB", "MB", "GB", "TB"};

  private Figures() {}

  /** Writes 1234567 as 1,234,567. */
  static String count(long value) {
    return String.format(Locale.ROOT, "%,d", value);
  }

  /** Writes a number of things: 1 tensor, 2 tensors. */
  static String counted(long value, String thing) {
    return count(value) + " " + thing + (value == 1 ? "" : "s");
  }

  /**
   * Writes a share as a percentage with two digits; what is not all is not rounded to 100, what is
   * not none not to 0.
   */
  static String percent(long part, long whole) {
    if (whole == 0) {
      return "-";
    }
    double exact = 100.0 * part / whole;
    double low = part == 0 ? 0 : 0.01;
    double high = part == whole ? 100 : 99.99;
    return String.format(Locale.ROOT, "%.2f %%", Math.max(low, Math.min(high, exact)));
  }

  static String wholePercent(double share) {
    return String.format(Locale.ROOT, "%3.0f %%", Math.floor(share * 100));
  }

  static String seconds(double value) {
    return String.format(Locale.ROOT, value < 10 ? "%.2f s" : "%.1f s", value);
  }

  /** Writes a size in decimal units: 90.4 MB. */
  static String bytes(long value) {
    double scaled = value;
    int unit = 0;
    while (scaled >= 999.95 && unit < UNITS.length - 1) {
      scaled /= 1000;
      unit++;
    }
    return unit == 0 ? value + " B" : String.format(Locale.ROOT, "%.1f %s", scaled, UNITS[unit]);
  }

  static String rate(long bytes, double seconds) {
    return seconds <= 0 ? "-" : gigabytes(bytes / seconds / 1e9);
  }

  static String gigabytes(double perSecond) {
    if (perSecond < 0.001) {
      return "below 0.001 GB/s";
    }
    return String.format(Locale.ROOT, perSecond < 0.095 ? "%.3f GB/s" : "%.2f GB/s", perSecond);
  }

  /** Breaks a sentence between words into lines of at most {@code width}. */
  static List<String> wrapped(String sentence, OptionalInt width) {
    List<String> lines = new ArrayList<>();
    String rest = sentence;
    while (width.isPresent() && rest.length() > width.getAsInt()) {
      int space = rest.lastIndexOf(' ', width.getAsInt());
      int end = space > 0 ? space : rest.indexOf(' ');
      if (end < 0) {
        break;
      }
      lines.add(rest.substring(0, end));
      rest = rest.substring(end + 1);
    }
    lines.add(rest);
    return lines;
  }

  /** Shows as dots what could drive the terminal or turn the order of a stranger's text. */
  static String printable(String text) {
    StringBuilder shown = new StringBuilder();
    text.codePoints().map(c -> isPrintable(c) ? c : '.').forEach(shown::appendCodePoint);
    return shown.toString();
  }

  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }

  /** Takes out the middle of what is longer than {@code width}. */
  static String shortened(String text, int width) {
    if (text.length() <= width) {
      return text;
    }
    if (width <= 3) {
      return text.substring(0, Math.max(0, width));
    }
    int head = (width - 3) / 2;
    int tail = width - 3 - head;
    return text.substring(0, head) + "..." + text.substring(text.length() - tail);
  }
}
