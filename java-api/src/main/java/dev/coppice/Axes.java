package dev.coppice;

/**
 * Which axis of a weight its operator produces, and which it contracts (SPEC.md, "Axes").
 *
 * @param output the axis whose indices are the scopes of {@link Scope#ROW}
 * @param reduction the axis along which N:M groups lie
 */
public record Axes(int output, int reduction) {
  /** Refuses negative axes; a rank-1 weight has both on axis 0. */
  public Axes {
    if (output < 0 || reduction < 0) {
      throw new IllegalArgumentException(
          "axes must be 0 or more, not " + output + " and " + reduction);
    }
  }
}
