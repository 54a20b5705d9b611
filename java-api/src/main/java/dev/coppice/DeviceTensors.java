package dev.coppice;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A call's tensors on a CUDA device, which only a backend that runs there can prune.
 *
 * @param where for people: the first of them and its device
 */
record DeviceTensors(String where) {
  /**
   * Finds them among the tensors that are taken.
   *
   * @throws IllegalArgumentException if one lies on another device than {@code device}
   */
  static Optional<DeviceTensors> of(Selection selection, Map<String, Tensor> tensors, int device) {
    Optional<DeviceTensors> first = Optional.empty();
    for (Selection.Taken taken : selection.taken()) {
      String name = taken.tensor().name();
      Optional<Integer> on =
          Objects.requireNonNull(tensors.get(name)).onDevice().map(a -> a.device());
      if (on.isPresent()) {
        String where = "tensor \"%s\" lies on CUDA device %d".formatted(name, on.get());
        if (on.get() != device) {
          throw new IllegalArgumentException(
              where + ", this pruner uses device " + device + ": build one with that device");
        }
        first = first.or(() -> Optional.of(new DeviceTensors(where)));
      }
    }
    return first;
  }

  /**
   * Throws if one of the tensors that are taken does not lie on a device.
   *
   * @throws IllegalArgumentException with its name
   */
  static void requireAll(Selection selection, Map<String, Tensor> tensors) {
    for (Selection.Taken taken : selection.taken()) {
      String name = taken.tensor().name();
      if (Objects.requireNonNull(tensors.get(name)).onDevice().isEmpty()) {
        throw new IllegalArgumentException(
            "tensor \"%s\" does not lie on a CUDA device: pruneAsync takes no other, prune does"
                .formatted(name));
      }
    }
  }

  /** Gives the backend that prunes them, whatever their size; there is none to fall back to. */
  BackendUse use(List<Candidate> candidates, boolean auto) {
    List<Candidate> there = candidates.stream().filter(Candidate::runsOnDevice).toList();
    if (there.isEmpty()) {
      throw new IllegalArgumentException(
          where + ": prune it with the cuda backend (coppice-cuda on the class path)");
    }
    if (!auto) {
      return BackendUse.named(there.get(0));
    }
    try {
      return BackendUse.best(there, Long.MAX_VALUE);
    } catch (BackendUnavailableException e) {
      throw new BackendUnavailableException(where + ", and " + e.getMessage());
    }
  }
}
