package dev.coppice.sparse;

import dev.coppice.Cancellation;
import dev.coppice.ProgressListener;
import dev.coppice.PruningCancelledException;
import dev.coppice.Tensor;
import dev.coppice.spi.LinearBench;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Measures which product is the fastest for each layer of a model, on this machine. Layers of the
 * same shape, type and share of zeros (in percent) are measured once.
 *
 * <p>A sparse product is chosen only where it is faster than the best dense one beyond the noise of
 * the measurement; a batch so large that measuring it would take too long is measured with fewer
 * rows, and the plan says with how many. Nothing else should keep the machine busy meanwhile.
 */
public final class Planner {
  /** The batches that are measured unless others are named. */
  public static final List<Long> USUAL_BATCHES = List.of(1L, 8L, 64L);

  /** What measuring takes in all, in seconds; reading and compressing weights come on top. */
  static final double USUAL_SECONDS = 30;

  private static final double LEAST_SECONDS = 0.05;
  private static final double MOST_SECONDS = 5;

  /** Where weights come from. */
  @FunctionalInterface
  public interface Weights {
    /**
     * Gives weights [out, in] on the host. They are looked at until the next call, of this or
     * another layer: a loader may use its memory again then.
     */
    Tensor load() throws IOException;
  }

  /**
   * A layer of a model.
   *
   * @param name unique in its model
   */
  public record Layer(String name, Weights weights) {}

  /** Keeps what was measured from one run to the next. */
  public interface Cache {
    /** Keeps nothing. */
    Cache NONE =
        new Cache() {
          @Override
          public Optional<LinearPlan> find(String what) {
            return Optional.empty();
          }

          @Override
          public void keep(String what, LinearPlan plan) {}
        };

    /**
     * Gives what was kept.
     *
     * @param what describes what was measured, on what and how
     */
    Optional<LinearPlan> find(String what);

    /** Keeps it, if it can. */
    void keep(String what, LinearPlan plan);
  }

  private record Seen(Layer layer, LayerKind kind, double sparsity) {}

  private final Products products;
  private final Options options;

  private Planner(Products products, Options options) {
    this.products = products;
    this.options = options;
  }

  /**
   * Gives the {@link LinearPlan#key} of what is measured on a device here, now.
   *
   * @throws dev.coppice.BackendUnavailableException if nothing measures on the device
   */
  public static String key(Device device) {
    return key(Products.of(device));
  }

  private static String key(Products products) {
    try (LinearBench bench = products.openBench()) {
      return products.key(bench);
    }
  }

  /** Begins to make a planner for a device. */
  public static Builder on(Device device) {
    return new Builder(Products.of(device));
  }

  /** Says how to plan. */
  public static final class Builder {
    private final Products products;
    private List<Long> batches = USUAL_BATCHES;
    private double seconds = USUAL_SECONDS;
    private ProgressListener listener = ProgressListener.NONE;
    private Cancellation cancellation = new Cancellation();
    private Cache cache = Cache.NONE;

    Builder(Products products) {
      this.products = products;
    }

    /** Sets the numbers of rows of x. */
    public Builder batches(List<Long> rows) {
      if (rows.isEmpty() || rows.stream().anyMatch(b -> b < 1)) {
        throw new IllegalArgumentException("batches must be 1 or more, not " + rows);
      }
      batches = rows.stream().sorted().distinct().toList();
      return this;
    }

    /** Sets what measuring takes in all, more or less. */
    public Builder seconds(double wanted) {
      if (!(wanted > 0)) {
        throw new IllegalArgumentException("seconds must be more than 0, not " + wanted);
      }
      seconds = wanted;
      return this;
    }

    /** Sets who hears how many layers were read, and how many batches measured. */
    public Builder listener(ProgressListener hearer) {
      listener = hearer;
      return this;
    }

    /** Sets what ends it early. */
    public Builder cancellation(Cancellation stop) {
      cancellation = stop;
      return this;
    }

    /** Sets what keeps measurements. */
    public Builder cache(Cache keeper) {
      cache = keeper;
      return this;
    }

    /** Makes the planner. */
    public Planner build() {
      return new Planner(products, new Options(batches, seconds, listener, cancellation, cache));
    }
  }

  private record Options(
      List<Long> batches,
      double seconds,
      ProgressListener listener,
      Cancellation cancellation,
      Cache cache) {
    void checkCancelled() {
      if (cancellation.isCancelled()) {
        throw new PruningCancelledException();
      }
    }
  }

  /**
   * Measures layers.
   *
   * @throws dev.coppice.BackendUnavailableException if nothing measures or computes on the device
   * @throws IllegalArgumentException if weights are not [out, in], or two layers have one name
   * @throws PruningCancelledException if it was cancelled
   */
  public LinearPlan plan(List<Layer> layers) throws IOException {
    String key = key(products);
    List<Seen> seen = look(layers);
    Map<LayerKind, List<LinearPlan.Row>> measured = measure(seen, key);
    List<LinearPlan.Row> rows = new ArrayList<>();
    for (Seen one : seen) {
      for (LinearPlan.Row row : Objects.requireNonNull(measured.get(one.kind))) {
        rows.add(row.of(one.layer.name(), one.sparsity));
      }
    }
    return new LinearPlan(products.device().toString(), key, rows);
  }

  private List<Seen> look(List<Layer> layers) throws IOException {
    Set<String> names = new HashSet<>();
    List<Seen> seen = new ArrayList<>();
    for (Layer layer : layers) {
      if (!names.add(layer.name())) {
        throw new IllegalArgumentException("two layers are called \"" + layer.name() + "\"");
      }
      options.checkCancelled();
      options.listener.progress("read", seen.size(), layers.size());
      LayerKind.Seen found = LayerKind.of(layer.weights().load());
      seen.add(new Seen(layer, found.kind(), found.sparsity()));
    }
    return seen;
  }

  private Map<LayerKind, List<LinearPlan.Row>> measure(List<Seen> seen, String key)
      throws IOException {
    Map<LayerKind, List<LinearPlan.Row>> measured = new LinkedHashMap<>();
    Map<LayerKind, Seen> missing = new LinkedHashMap<>();
    for (Seen one : seen) {
      if (!measured.containsKey(one.kind) && !missing.containsKey(one.kind)) {
        options
            .cache
            .find(what(one.kind, key))
            .ifPresentOrElse(
                plan -> measured.put(one.kind, plan.rows()), () -> missing.put(one.kind, one));
      }
    }
    int steps = missing.size() * options.batches.size();
    double each = Math.max(LEAST_SECONDS, Math.min(MOST_SECONDS, options.seconds / steps));
    int done = 0;
    for (Seen one : missing.values()) {
      List<LinearPlan.Row> rows = measure(one, each, done, steps);
      done += options.batches.size();
      measured.put(one.kind, rows);
      LinearPlan plan = new LinearPlan(products.device().toString(), key, rows);
      options.cache.keep(what(one.kind, key), plan);
    }
    options.listener.progress("measure", steps, steps);
    return measured;
  }

  private List<LinearPlan.Row> measure(Seen one, double seconds, int done, int steps)
      throws IOException {
    List<LinearPlan.Row> rows = new ArrayList<>();
    try (LinearBench bench = products.openBench();
        LayerBench layer =
            new LayerBench(
                products,
                bench,
                one.kind,
                one.layer.weights().load(),
                options.batches,
                options::checkCancelled)) {
      for (int i = 0; i < options.batches.size(); i++) {
        options.listener.progress("measure " + one.kind, done + i, steps);
        rows.addAll(layer.measure(one.layer.name(), one.sparsity, options.batches.get(i), seconds));
      }
    }
    return rows;
  }

  private String what(LayerKind kind, String key) {
    return "%s | %s | batches %s".formatted(key, kind, options.batches);
  }
}
