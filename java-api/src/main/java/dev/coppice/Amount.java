package dev.coppice;

/** How much of a scope goes. */
public sealed interface Amount {
  /** Gives how many of {@code elements} go; refuses a count above them. */
  long of(long elements);

  /** A share of the scope: rint(value * n), ties to even. */
  record Fraction(double value) implements Amount {
    /** Refuses what is not in [0, 1]. */
    public Fraction {
      if (!(value >= 0 && value <= 1)) {
        throw new IllegalArgumentException("sparsity must be in [0, 1], not " + value);
      }
    }

    @Override
    public long of(long elements) {
      return (long) Math.rint(value * elements);
    }
  }

  /** A number of weights of each scope. */
  record Count(long value) implements Amount {
    /** Refuses a negative count. */
    public Count {
      if (value < 0) {
        throw new IllegalArgumentException("a count must be 0 or more, not " + value);
      }
    }

    @Override
    public long of(long elements) {
      if (value > elements) {
        throw new IllegalArgumentException(
            "a count of " + value + " exceeds the scope's " + elements + " weights");
      }
      return value;
    }
  }
}
