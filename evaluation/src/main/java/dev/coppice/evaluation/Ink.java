package dev.coppice.evaluation;

/** How text is set off: with a terminal's colours, or not at all. */
record Ink(boolean colour) {
  String bold(String text) {
    return in(1, text);
  }

  String faint(String text) {
    return in(2, text);
  }

  String good(String text) {
    return in(32, text);
  }

  private String in(int code, String text) {
    return colour ? "\033[" + code + "m" + text + "\033[0m" : text;
  }
}
