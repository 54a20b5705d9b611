package dev.coppice;

import java.util.regex.Pattern;

/** A pattern on whole names: {@code *} any characters, {@code ?} one, {@code {a,b}} either. */
final class Glob {
  private final String text;
  private final Pattern pattern;

  private Glob(String text, Pattern pattern) {
    this.text = text;
    this.pattern = pattern;
  }

  static Glob of(String text) {
    StringBuilder regex = new StringBuilder();
    boolean inBraces = false;
    for (int c : text.codePoints().toArray()) {
      switch (c) {
        case '*' -> regex.append(".*");
        case '?' -> regex.append('.');
        case '{' -> {
          if (inBraces) {
            throw new InvalidPlanException("glob \"" + text + "\" has braces within braces");
          }
          inBraces = true;
          regex.append("(?:");
        }
        case '}' -> {
          if (!inBraces) {
            throw new InvalidPlanException("glob \"" + text + "\" closes a brace it never opened");
          }
          inBraces = false;
          regex.append(')');
        }
        case ',' -> regex.append(inBraces ? '|' : ',');
        default -> regex.append(Pattern.quote(Character.toString(c)));
      }
    }
    if (inBraces) {
      throw new InvalidPlanException("glob \"" + text + "\" opens a brace it never closes");
    }
    return new Glob(text, Pattern.compile(regex.toString(), Pattern.DOTALL));
  }

  boolean matches(String name) {
    return pattern.matcher(name).matches();
  }

  /** Says whether this is a name rather than a pattern. */
  boolean isLiteral() {
    return text.chars().noneMatch(c -> "*?{".indexOf(c) >= 0);
  }
}
