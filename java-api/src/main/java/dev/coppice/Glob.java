package dev.coppice;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * A pattern on whole names: {@code *} any characters, {@code ?} one, {@code {a,b}} either.
 *
 * <p>Names are a stranger's, so a name is walked once, with all places of the pattern that it may
 * have reached: the time is at most the product of the two lengths, whatever they are.
 */
public final class Glob {
  private static final int LONGEST = 10_000;

  private static final int STAR = -1;
  private static final int ANY = -2;
  private static final int OPEN = -3;
  private static final int OR = -4;
  private static final int CLOSE = -5;

  private final String text;

  /** Characters, and signs that are negative. */
  private final int[] steps;

  /** For OPEN and OR: where the next OR of the same braces is, or their CLOSE. */
  private final int[] onward;

  private Glob(String text, int[] steps, int[] onward) {
    this.text = text;
    this.steps = steps;
    this.onward = onward;
  }

  /**
   * Reads a pattern.
   *
   * @throws InvalidPlanException if it cannot be read
   */
  public static Glob of(String text) {
    if (text.length() > LONGEST) {
      throw new InvalidPlanException(
          "a glob has at most %,d characters, not %,d".formatted(LONGEST, text.length()));
    }
    List<Integer> steps = new ArrayList<>();
    int[] onward = new int[text.length()];
    int open = -1;
    for (int c : text.codePoints().toArray()) {
      int step = step(c, open >= 0);
      if (step == OPEN && open >= 0) {
        throw new InvalidPlanException("glob \"" + text + "\" has braces within braces");
      }
      if (step == CLOSE && open < 0) {
        throw new InvalidPlanException("glob \"" + text + "\" closes a brace it never opened");
      }
      if (step == OR || step == CLOSE) {
        onward[open] = steps.size();
      }
      if (step == OPEN || step == OR) {
        open = steps.size();
      } else if (step == CLOSE) {
        open = -1;
      }
      steps.add(step);
    }
    if (open >= 0) {
      throw new InvalidPlanException("glob \"" + text + "\" opens a brace it never closes");
    }
    return new Glob(text, steps.stream().mapToInt(Integer::intValue).toArray(), onward);
  }

  private static int step(int c, boolean inBraces) {
    return switch (c) {
      case '*' -> STAR;
      case '?' -> ANY;
      case '{' -> OPEN;
      case '}' -> CLOSE;
      case ',' -> inBraces ? OR : c;
      default -> c;
    };
  }

  public boolean matches(String name) {
    BitSet reached = new BitSet(steps.length + 1);
    reached.set(0);
    for (int i = 0; i < name.length() && !reached.isEmpty(); ) {
      int c = name.codePointAt(i);
      i += Character.charCount(c);
      spread(reached);
      reached = after(c, reached);
    }
    spread(reached);
    return reached.get(steps.length);
  }

  /** Adds what is reached without a character; that always lies further on. */
  private void spread(BitSet reached) {
    for (int at = reached.nextSetBit(0); at >= 0; at = reached.nextSetBit(at + 1)) {
      if (at == steps.length) {
        return;
      }
      switch (steps[at]) {
        case STAR, CLOSE -> reached.set(at + 1);
        case OR -> reached.set(onward[at]); // Here an alternative has ended.
        case OPEN -> {
          reached.set(at + 1);
          for (int or = onward[at]; steps[or] == OR; or = onward[or]) {
            reached.set(or + 1);
          }
        }
        default -> {}
      }
    }
  }

  private BitSet after(int c, BitSet reached) {
    BitSet next = new BitSet(steps.length + 1);
    for (int at = reached.nextSetBit(0);
        at >= 0 && at < steps.length;
        at = reached.nextSetBit(at + 1)) {
      if (steps[at] == STAR) {
        next.set(at);
      } else if (steps[at] == ANY || steps[at] == c) {
        next.set(at + 1);
      }
    }
    return next;
  }

  /** Says whether this is a name rather than a pattern. */
  boolean isLiteral() {
    return text.chars().noneMatch(c -> "*?{".indexOf(c) >= 0);
  }
}
