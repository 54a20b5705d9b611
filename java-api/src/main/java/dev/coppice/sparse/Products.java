package dev.coppice.sparse;

import dev.coppice.BackendUnavailableException;
import dev.coppice.DType;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearBenchProvider;
import dev.coppice.spi.LinearProvider;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What there is to compute and to measure products with on one device. */
final class Products {
  private static final String SEPARATOR = "; ";
  private static final String REFERENCE = "reference";

  /** The products are of this version, whatever they say of what they call. */
  private static final String COPPICE = coppice();

  /** What is on the class path, made once: each keeps what it has open for all its products. */
  private static final class Installed {
    static final List<LinearProvider> PROVIDERS = all(LinearProvider.class);
    static final List<LinearBenchProvider> BENCHES = all(LinearBenchProvider.class);

    private static <T> List<T> all(Class<T> service) {
      return ServiceLoader.load(service, Products.class.getClassLoader()).stream()
          .map(ServiceLoader.Provider::get)
          .toList();
    }
  }

  private final Device device;
  private final List<LinearBenchProvider> benches;
  private final List<LinearProvider> usable = new ArrayList<>();
  private final TreeMap<String, String> versions = new TreeMap<>();
  private final TreeMap<String, String> reasons = new TreeMap<>();

  Products(Device device, List<LinearProvider> providers, List<LinearBenchProvider> benches) {
    this.device = device;
    this.benches = List.copyOf(benches);
    for (LinearProvider provider : providers) {
      Availability availability = provider.availability(device);
      if (availability instanceof Availability.Usable found) {
        usable.add(provider);
        versions.put(provider.name(), plain(found.runsOn()));
      } else if (availability instanceof Availability.Unusable not) {
        reasons.put(provider.name(), not.reason());
      }
    }
  }

  /** Finds those of the class path. */
  static Products of(Device device) {
    return new Products(device, Installed.PROVIDERS, Installed.BENCHES);
  }

  Device device() {
    return device;
  }

  /** Gives those that have a product; plain Java only where nothing else has one. */
  List<LinearProvider> having(Format format, DType dtype, long batch) {
    List<LinearProvider> all =
        usable.stream().filter(p -> p.formats(device, dtype, batch).contains(format)).toList();
    List<LinearProvider> fast = all.stream().filter(p -> !p.name().equals(REFERENCE)).toList();
    return fast.isEmpty() ? all : fast;
  }

  /** Says that nothing has what is needed, and why. */
  BackendUnavailableException none(Format format, DType dtype, long batch) {
    List<String> whys = new ArrayList<>();
    reasons.forEach((name, reason) -> whys.add(name + ": " + reason));
    return new BackendUnavailableException(
        "nothing on the class path computes %s products of %s with %d rows on %s%s"
            .formatted(
                format.title(),
                dtype,
                batch,
                device,
                whys.isEmpty() ? "" : " (" + String.join(SEPARATOR, whys) + ")"));
  }

  /**
   * Opens the device to measure on.
   *
   * @throws BackendUnavailableException if nothing can, or the device cannot be used
   */
  LinearBench openBench() {
    for (LinearBenchProvider provider : benches) {
      Optional<LinearBench> bench = provider.open(device);
      if (bench.isPresent()) {
        return bench.get();
      }
    }
    throw new BackendUnavailableException(
        "nothing on the class path measures on %s: a GPU needs coppice-cuda".formatted(device));
  }

  /** Gives the key of what is measured here: the device, Coppice's version and each product's. */
  String key(LinearBench bench) {
    List<String> parts = new ArrayList<>(List.of(plain(bench.description()), COPPICE));
    versions.forEach(
        (name, version) -> {
          if (!name.equals(REFERENCE) || needsReference()) {
            parts.add(name + " " + version);
          }
        });
    return String.join(SEPARATOR, parts);
  }

  /** Whether there is something that only plain Java has. */
  private boolean needsReference() {
    return Stream.of(Format.values())
        .flatMap(format -> Stream.of(DType.values()).map(dtype -> having(format, dtype, 1)))
        .anyMatch(all -> all.stream().anyMatch(p -> p.name().equals(REFERENCE)));
  }

  private static String coppice() {
    Properties properties = new Properties();
    try (InputStream in = Products.class.getResourceAsStream("version.properties")) {
      properties.load(Objects.requireNonNull(in));
    } catch (IOException e) {
      throw new UncheckedIOException(e); // It lies beside this class.
    }
    return "coppice " + plain(properties.getProperty("version"));
  }

  /**
   * Refuses a plan that was measured on another device.
   *
   * @throws IllegalArgumentException with both descriptions
   */
  void requireDeviceOf(LinearPlan plan) {
    String there = plan.key().split(SEPARATOR, -1)[0];
    try (LinearBench bench = openBench()) {
      String here = plain(bench.description());
      if (!there.equals(here)) {
        throw new IllegalArgumentException(
            "the plan was measured on \"%s\", and this is \"%s\": measure again"
                .formatted(there, here));
      }
    }
  }

  /**
   * Gives what a plan's row was measured with, if that is here, in the same version.
   *
   * @param key of the plan
   */
  Optional<LinearProvider> as(String key, LinearPlan.Row row) {
    String wanted = row.provider() + " " + versions.get(row.provider());
    return List.of(key.split(SEPARATOR, -1)).contains(wanted)
        ? usable.stream().filter(provider -> provider.name().equals(row.provider())).findFirst()
        : Optional.empty();
  }

  /** Says that none of what a plan has for some rows is here, and why. */
  BackendUnavailableException noneOf(LinearPlan.Row chosen) {
    String name = chosen.provider();
    String why =
        versions.containsKey(name)
            ? "its version is another one, " + versions.get(name) + ": measure again"
            : reasons.getOrDefault(name, "it is not on the class path");
    return new BackendUnavailableException(
        "the products that were measured for batch %d cannot be used here; %s: %s"
            .formatted(chosen.batch(), name, why));
  }

  private static String plain(String text) {
    return text.replace(';', ',').replaceAll("\\s+", " ").strip();
  }
}
