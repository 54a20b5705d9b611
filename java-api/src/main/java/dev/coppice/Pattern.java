package dev.coppice;

import java.util.OptionalDouble;

/** Which shapes may go, and how much. */
public sealed interface Pattern {
  /**
   * Any weight may go.
   *
   * @param maxPerTensor under {@link Scope#GLOBAL}, the largest share of one tensor that may go
   */
  record Unstructured(Scope scope, Amount amount, OptionalDouble maxPerTensor) implements Pattern {
    /** Refuses a cap outside [0, 1] or without global scope. */
    public Unstructured {
      if (maxPerTensor.isPresent()) {
        double cap = maxPerTensor.getAsDouble();
        if (!(cap >= 0 && cap <= 1)) {
          throw new IllegalArgumentException("max_per_tensor must be in [0, 1], not " + cap);
        }
        if (scope != Scope.GLOBAL) {
          throw new IllegalArgumentException("max_per_tensor goes with scope global only");
        }
      }
    }

    /** Makes a pattern without a cap. */
    public Unstructured(Scope scope, Amount amount) {
      this(scope, amount, OptionalDouble.empty());
    }
  }

  /** Of every {@code m} consecutive weights along the reduction axis, {@code n} are kept. */
  record NofM(int n, int m) implements Pattern {
    /** The largest group. */
    public static final int LARGEST_GROUP = 32;

    /** Refuses what is not 1 &lt;= n &lt; m &lt;= 32. */
    public NofM {
      if (n < 1 || n >= m || m > LARGEST_GROUP) {
        throw new IllegalArgumentException(
            "an N:M pattern keeps N of M weights, 1 <= N < M <= "
                + LARGEST_GROUP
                + ", not "
                + n
                + ":"
                + m);
      }
    }

    /** Gives the share of weights that go. */
    public double sparsity() {
      return 1 - (double) n / m;
    }
  }
}
