package dev.coppice.spi;

import dev.coppice.Criterion;
import dev.coppice.DType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The keys that a scope's elements are compared by. Magnitudes of one type are compared by that
 * type's keys, those of mixed types by the F32 keys of the same values (SPEC.md, "Key"), random
 * words as they are.
 */
final class KeySpace {
  private final int bits;
  private final Optional<DType> common;
  private final Map<String, Ranking> rankings = new HashMap<>();

  private KeySpace(int bits, Optional<DType> common) {
    this.bits = bits;
    this.common = common;
  }

  /** Makes the space of all of a scope's weights. */
  static KeySpace of(PruneTask task, List<Weights> scope) {
    boolean random = task.criterion() instanceof Criterion.Random;
    DType first = scope.get(0).dtype();
    boolean mixed = scope.stream().anyMatch(w -> w.dtype() != first);
    DType type = mixed ? DType.F32 : first;
    KeySpace space =
        new KeySpace(random ? 32 : type.keyBits(), random ? Optional.empty() : Optional.of(type));
    for (Weights w : scope) {
      space.rankings.put(
          w.name(),
          random
              ? new Ranking.Philox(task.seed(), Philox.tensorId(w.name()))
              : new Ranking.Magnitude());
    }
    return space;
  }

  /** Gives what the kernels rank this tensor by. */
  Ranking ranking(Weights weights) {
    return Objects.requireNonNull(rankings.get(weights.name()));
  }

  /** Gives the end of the key range, 2 to the number of key bits. */
  long end() {
    return 1L << bits;
  }

  /** Gives the first key that no number has. */
  long afterNumbers() {
    return common.map(type -> type.largestKey() + 1L).orElse(end());
  }

  /** Says whether the keys of this type's kernels must be widened to be compared. */
  boolean widens(DType type) {
    return common.isPresent() && common.get() != type;
  }

  /**
   * Gives the smallest key of the type whose value is at least that of {@code key} of this space.
   */
  long narrow(DType type, long key) {
    if (!widens(type)) {
      return key;
    }
    int low = 0;
    int high = type.largestKey() + 1;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (type.widen(middle) < key) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
