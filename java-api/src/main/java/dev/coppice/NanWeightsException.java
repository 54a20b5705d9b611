package dev.coppice;

/** A weight is NaN and the plan does not say to keep it. */
public final class NanWeightsException extends RuntimeException {
  private static final long serialVersionUID = 1;

  private final String tensor;
  private final long index;
  private final boolean partlyPruned;

  /**
   * Names the first NaN; {@code partlyPruned} says that other weights of the tensor were already
   * changed.
   */
  public NanWeightsException(String tensor, long index, boolean partlyPruned) {
    super(
        "tensor \"%s\" is NaN at index %d%s; fix it, exclude it, or keep NaN weights (nan: keep)"
            .formatted(tensor, index, partlyPruned ? " and may be partly pruned by now" : ""));
    this.tensor = tensor;
    this.index = index;
    this.partlyPruned = partlyPruned;
  }

  /** Gives the tensor's name. */
  public String tensor() {
    return tensor;
  }

  /** Gives the row-major index of its first NaN. */
  public long index() {
    return index;
  }

  /** Says whether the work, done in place and in one pass, had already changed other weights. */
  public boolean partlyPruned() {
    return partlyPruned;
  }
}
