package dev.coppice;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/** The backends on the class path. */
public final class Backends {
  /** The name that asks for the best backend that can be used. */
  public static final String AUTO = "auto";

  /**
   * A backend as people see it.
   *
   * @param rank under {@code auto}, which never takes one below 0
   * @param worthwhileBytes the bytes of weights to prune from which {@code auto} takes it
   */
  public record Entry(String name, int rank, long worthwhileBytes, Availability availability) {}

  private Backends() {}

  /** Gives all backends, the best first, and whether they can be used. */
  public static List<Entry> all() {
    return providers().stream()
        .map(p -> new Entry(p.name(), p.rank(), p.worthwhileBytes(), p.availability()))
        .toList();
  }

  /**
   * Makes the backend of that name, on device 0 if it runs on one; {@code auto} takes the best that
   * can be used, for any size of model.
   *
   * @throws BackendUnavailableException if it cannot be used
   */
  public static Backend create(String name) {
    return choose(name, Long.MAX_VALUE).backend();
  }

  /**
   * A backend that was chosen.
   *
   * @param backend whoever asked for it closes it
   * @param notes why no better one was taken
   */
  public record Choice(Backend backend, List<String> notes) {}

  /**
   * Makes the backend of that name, on device 0 if it runs on one; {@code auto} takes the best that
   * can be used and pays for so many bytes of weights.
   *
   * @throws BackendUnavailableException if it cannot be used
   */
  public static Choice choose(String name, long bytes) {
    List<Candidate> candidates = candidates(name, 0, providers());
    if (!name.equals(AUTO)) {
      return new Choice(open(candidates.get(0)), List.of());
    }
    BackendUse use = BackendUse.best(candidates, bytes);
    return new Choice(use.chosen().open(), use.notes());
  }

  /** Opens a backend that was named. */
  static Backend open(Candidate named) {
    try {
      return named.open();
    } catch (BackendUnavailableException e) {
      throw new BackendUnavailableException(
          "backend " + named.name() + " cannot be used: " + e.getMessage());
    }
  }

  /** Gives what may be used under that name, the best first, on that device. */
  static List<Candidate> candidates(String name, int device, List<BackendProvider> providers) {
    if (name.equals(AUTO)) {
      return providers.stream()
          .filter(p -> p.rank() >= 0)
          .map(p -> new Candidate(p, p.runsOnDevice() ? device : 0))
          .toList();
    }
    BackendProvider named =
        providers.stream()
            .filter(p -> p.name().equals(name))
            .findFirst()
            .orElseThrow(() -> unknown(name, providers));
    if (device != 0 && !named.runsOnDevice()) {
      throw new IllegalArgumentException(
          "backend %s runs on no CUDA device: device must be 0, not %d; only cuda takes others"
              .formatted(name, device));
    }
    return List.of(new Candidate(named, device));
  }

  private static InvalidPlanException unknown(String name, List<BackendProvider> providers) {
    return new InvalidPlanException(
        "backend must be one of auto, "
            + providers.stream().map(BackendProvider::name).collect(Collectors.joining(", "))
            + "; not \""
            + name
            + "\"");
  }

  /** Finds the backends on the class path, the best first. */
  static List<BackendProvider> providers() {
    return ServiceLoader.load(BackendProvider.class, Backends.class.getClassLoader()).stream()
        .map(ServiceLoader.Provider::get)
        .sorted(Comparator.comparingInt(BackendProvider::rank).reversed())
        .toList();
  }
}
