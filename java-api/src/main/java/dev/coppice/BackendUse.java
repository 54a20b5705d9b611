package dev.coppice;

import dev.coppice.spi.Execution;
import dev.coppice.spi.PendingWeights;
import dev.coppice.spi.Progress;
import dev.coppice.spi.PruneTask;
import dev.coppice.spi.WeightsResult;
import java.io.IOException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Which backend one call uses, and why not a better one. */
final class BackendUse {
  private final List<Candidate> candidates;
  private final long bytes;
  private final Set<String> notes = new LinkedHashSet<>();
  private final Set<String> used = new LinkedHashSet<>();
  private final Candidate chosen;

  private BackendUse(List<Candidate> candidates, long bytes) {
    this.candidates = candidates;
    this.bytes = bytes;
    this.chosen =
        firstFrom(0)
            .orElseThrow(
                () ->
                    new BackendUnavailableException(
                        "no backend can be used: " + String.join("; ", notes)));
  }

  private BackendUse(Candidate named) {
    this.candidates = List.of(named);
    this.bytes = 0;
    this.chosen = named;
  }

  /** Uses the backend that was named, or none. */
  static BackendUse named(Candidate only) {
    return new BackendUse(only);
  }

  /** Uses the best of {@code candidates} that can be used and pays for so many bytes of weights. */
  static BackendUse best(List<Candidate> candidates, long bytes) {
    return new BackendUse(candidates, bytes);
  }

  Candidate chosen() {
    return chosen;
  }

  /** Gives the names of the backends that have pruned, or of the one that would have. */
  String backend() {
    return used.isEmpty() ? chosen.name() : String.join("+", used);
  }

  List<String> notes() {
    return List.copyOf(notes);
  }

  /**
   * Prunes on the chosen backend; where that runs out of device memory, on the next that can be
   * used.
   *
   * @param purpose ends the note on that: what the next backend was used for
   */
  List<WeightsResult> prune(PruneTask task, String purpose, Execution execution)
      throws IOException {
    Progress.Mark mark = execution.progress().mark();
    Candidate candidate = chosen;
    while (true) {
      try {
        List<WeightsResult> results = candidate.prune(task, execution);
        used.add(candidate.name());
        return results;
      } catch (DeviceOutOfMemoryException e) {
        Candidate next = firstFrom(candidates.indexOf(candidate) + 1).orElseThrow(() -> e);
        execution.progress().rewind(mark);
        notes.add(
            "%s ran out of device memory (%s asked, %s free): %s was used%s"
                .formatted(
                    candidate.name(),
                    size(e.bytesAsked()),
                    size(e.bytesFree()),
                    next.name(),
                    purpose));
        candidate = next;
      }
    }
  }

  /** Begins to prune weights that lie on a device, where there is no other backend for them. */
  PendingWeights begin(PruneTask task, Execution execution) throws IOException {
    PendingWeights pending = chosen.begin(task, execution);
    used.add(chosen.name());
    return pending;
  }

  private Optional<Candidate> firstFrom(int index) {
    for (Candidate candidate : candidates.subList(index, candidates.size())) {
      Optional<String> no = objection(candidate);
      if (no.isEmpty()) {
        return Optional.of(candidate);
      }
      notes.add(candidate.name() + " is not used: " + no.get());
    }
    return Optional.empty();
  }

  /** What does not pay is not even opened: a small call must not wait for a driver. */
  private Optional<String> objection(Candidate candidate) {
    long least = candidate.worthwhileBytes();
    if (bytes >= least) {
      return candidate.objection();
    }
    Optional<String> absence = candidate.absence();
    if (absence.isPresent()) {
      return absence;
    }
    String why =
        "the %s to prune are below the %s from which it pays".formatted(size(bytes), size(least));
    return Optional.of(why + "; --backend " + candidate.name() + " asks for it all the same");
  }

  private static String size(long bytes) {
    return bytes < 1_000_000
        ? String.format(Locale.ROOT, "%,d bytes", bytes)
        : String.format(Locale.ROOT, "%,.0f MB", bytes / 1e6);
  }
}
