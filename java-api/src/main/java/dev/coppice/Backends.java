package dev.coppice;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/** The backends on the class path. */
public final class Backends {
  /** The name that asks for the best backend that can be used. */
  public static final String AUTO = "auto";

  /**
   * A backend and how it was chosen.
   *
   * @param notes for {@code auto}, why better ones were not taken
   */
  record Choice(Backend backend, List<String> notes) {}

  /** A backend as people see it. */
  public record Entry(String name, int rank, Availability availability) {}

  private Backends() {}

  /** Gives all backends, the best first, and whether they can be used. */
  public static List<Entry> all() {
    return providers().stream().map(p -> new Entry(p.name(), p.rank(), p.availability())).toList();
  }

  /** Makes the backend of that name; {@code auto} takes the best that can be used. */
  public static Backend create(String name) {
    return choose(name).backend();
  }

  static Choice choose(String name) {
    return name.equals(AUTO) ? best() : named(name);
  }

  private static Choice best() {
    List<String> notes = new ArrayList<>();
    for (BackendProvider provider : providers()) {
      if (provider.rank() < 0) {
        continue;
      }
      if (provider.availability() instanceof Availability.Unusable no) {
        notes.add(provider.name() + " is not used: " + no.reason());
      } else {
        return new Choice(provider.create(0), List.copyOf(notes));
      }
    }
    throw new BackendUnavailableException("no backend can be used: " + String.join("; ", notes));
  }

  private static Choice named(String name) {
    Optional<BackendProvider> found =
        providers().stream().filter(p -> p.name().equals(name)).findFirst();
    if (found.isEmpty()) {
      throw new InvalidPlanException(
          "backend must be one of auto, "
              + providers().stream().map(BackendProvider::name).collect(Collectors.joining(", "))
              + "; not \""
              + name
              + "\"");
    }
    if (found.get().availability() instanceof Availability.Unusable no) {
      throw new BackendUnavailableException("backend " + name + " cannot be used: " + no.reason());
    }
    return new Choice(found.get().create(0), List.of());
  }

  private static List<BackendProvider> providers() {
    return ServiceLoader.load(BackendProvider.class, Backends.class.getClassLoader()).stream()
        .map(ServiceLoader.Provider::get)
        .sorted(Comparator.comparingInt(BackendProvider::rank).reversed())
        .toList();
  }
}
