package dev.coppice.graph;

import dev.coppice.BackendUnavailableException;
import dev.coppice.Backends;
import dev.coppice.DeviceException;
import dev.coppice.reference.ReferenceGram;
import dev.coppice.spi.Availability;
import dev.coppice.spi.Closing;
import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramProvider;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What adds up the sums of products that repairs solve: F64 on every backend, but in another order,
 * so that they differ in their last bits, and the weights that are found with them. Safe for use by
 * several threads; who made it closes it after the last repair.
 */
public final class RepairBackend implements AutoCloseable {
  /** A backend for one layer. */
  record Chosen(String name, GramBackend backend) {}

  private final boolean named;
  private final List<GramProvider> providers;
  private final Map<GramProvider, GramBackend> open = new LinkedHashMap<>();
  private final Set<String> notes = new LinkedHashSet<>();

  private RepairBackend(boolean named, List<GramProvider> providers) {
    this.named = named;
    this.providers = new ArrayList<>(providers);
  }

  /** Gives plain Java, whose sums are the same to the bit on every machine. */
  public static RepairBackend reference() {
    return new RepairBackend(true, List.of(new ReferenceGram()));
  }

  /**
   * Gives the backend of that name, or plain Java if it has no sums of its own; {@code auto} takes
   * for each layer the one that pays for so many multiplications, and goes on with plain Java where
   * a device fails.
   *
   * @throws BackendUnavailableException if the one that was named cannot be used
   */
  public static RepairBackend named(String name) {
    return of(
        name,
        ServiceLoader.load(GramProvider.class, RepairBackend.class.getClassLoader()).stream()
            .map(ServiceLoader.Provider::get)
            .toList());
  }

  static RepairBackend of(String name, List<GramProvider> providers) {
    if (name.equals(Backends.AUTO)) {
      return new RepairBackend(
          false,
          providers.stream()
              .sorted(Comparator.comparingLong(GramProvider::worthwhile).reversed())
              .toList());
    }
    Optional<GramProvider> own = providers.stream().filter(p -> p.name().equals(name)).findFirst();
    if (own.isEmpty()) {
      return reference();
    }
    RepairBackend backend = new RepairBackend(true, List.of(own.get()));
    backend.choose(0);
    return backend;
  }

  /** Names what may add up, with what it calls: where that is another, weights may be others. */
  public synchronized String runsOn() {
    return providers.stream()
        .flatMap(
            provider ->
                provider.availability() instanceof Availability.Usable usable
                    ? Stream.of(provider.name() + " " + usable.runsOn())
                    : Stream.empty())
        .collect(Collectors.joining("; "));
  }

  /** Gives why no better backend was used. */
  public synchronized List<String> notes() {
    return List.copyOf(notes);
  }

  /**
   * Chooses for a layer of about so many multiplications.
   *
   * @throws BackendUnavailableException if the one that was named cannot be used
   */
  synchronized Chosen choose(double multiplications) {
    for (GramProvider provider : List.copyOf(providers)) {
      if (named || multiplications >= provider.worthwhile()) {
        try {
          return new Chosen(provider.name(), open.computeIfAbsent(provider, GramProvider::open));
        } catch (BackendUnavailableException | DeviceException e) {
          drop(provider, e);
        }
      }
    }
    throw new IllegalStateException("plain Java is not on the class path");
  }

  private void drop(GramProvider provider, RuntimeException e) {
    if (named) {
      throw new BackendUnavailableException(
          "backend %s cannot be used to repair: %s".formatted(provider.name(), e.getMessage()));
    }
    notes.add("%s is not used to repair: %s".formatted(provider.name(), e.getMessage()));
    providers.remove(provider);
  }

  /** Uses no device any more after one has failed; throws the failure if it was named. */
  synchronized void giveUp(DeviceException failure) {
    if (named) {
      throw failure;
    }
    for (GramProvider provider : List.copyOf(providers)) {
      if (provider.worthwhile() > 0) {
        drop(provider, failure);
      }
    }
  }

  @Override
  public synchronized void close() {
    List<Runnable> closes =
        open.values().stream().<Runnable>map(backend -> backend::close).toList();
    open.clear();
    Closing.all(closes);
  }
}
