package dev.coppice;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/** A weight is NaN and the plan does not say to keep it. */
public final class NanWeightsException extends RuntimeException {
  private static final long serialVersionUID = 1;
  private static final int MOST_NAMES = 8;

  private final String tensor;
  private final long index;
  private final boolean partlyPruned;
  private final ArrayList<String> pruned = new ArrayList<>();

  /**
   * Names the first NaN; {@code partlyPruned} says that other weights of the tensor were already
   * changed.
   */
  public NanWeightsException(String tensor, long index, boolean partlyPruned) {
    this(tensor, index, partlyPruned, List.of());
  }

  private NanWeightsException(
      String tensor, long index, boolean partlyPruned, Collection<String> pruned) {
    super(
        "tensor \"%s\" is NaN at index %d%s; fix it, exclude it, or keep NaN weights (nan: keep)%s"
            .formatted(
                tensor,
                index,
                partlyPruned ? " and may be partly pruned by now" : "",
                named(pruned)));
    this.tensor = tensor;
    this.index = index;
    this.partlyPruned = partlyPruned;
    this.pruned.addAll(pruned);
  }

  private static String named(Collection<String> pruned) {
    if (pruned.isEmpty()) {
      return "";
    }
    String names =
        pruned.stream()
            .limit(MOST_NAMES)
            .map(name -> '"' + name + '"')
            .collect(Collectors.joining(", "));
    int more = pruned.size() - MOST_NAMES;
    return "; pruned all the same: " + names + (more > 0 ? " and " + more + " more" : "");
  }

  /** Gives this exception with the names of other tensors of the call that were pruned. */
  public NanWeightsException besides(Collection<String> others) {
    Set<String> all = new TreeSet<>(pruned);
    all.addAll(others);
    all.remove(tensor);
    NanWeightsException more = new NanWeightsException(tensor, index, partlyPruned, all);
    more.setStackTrace(getStackTrace());
    return more;
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

  /**
   * Gives the names of the other tensors of the call that a device pruned in the meantime; of a
   * call that goes through the tensors one by one, none.
   */
  public List<String> pruned() {
    return List.copyOf(pruned);
  }
}
