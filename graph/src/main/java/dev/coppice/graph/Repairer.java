package dev.coppice.graph;

import dev.coppice.DeviceException;
import dev.coppice.graph.Calibration.Activation;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Fits the weights of a smaller model, layer by layer in the order of the graph: each is to make of
 * its inputs, as the fitted layers before it leave them, what it made in the dense model. (As He et
 * al., "Channel pruning for accelerating very deep neural networks", 2017, do for a convolution;
 * here for every layer that reads what was cut or comes after one, and towards the weights as they
 * are.)
 */
final class Repairer {
  /** Sums over more numbers are left alone: by {@link Gram#bytes} so many outputs take 1.7 GB. */
  static final int MOST_COLUMNS = 4608;

  /** The price of change: with less, weights follow what is particular to the data. */
  static final double DAMPING = 0.1;

  /**
   * What the sums of layers that are fitted at once may take, and what is wanted of layers in turn;
   * a layer on its own may take more.
   */
  private static final double MOST_BYTES = 128 << 20;

  private final Graph dense;
  private final Graph small;
  private final Cut cut;
  private final Calibration calibration;
  private final RepairBackend backend;
  private final double damping;
  private final Shapes shapes;
  private final Uses uses;
  private final Rewrite rewrite;
  private final List<Repair.Layer> layers = new ArrayList<>();
  private final List<Repair.Skipped> skipped = new ArrayList<>();
  private final Set<String> backends = new LinkedHashSet<>();

  /**
   * Looks at two models.
   *
   * @param backend adds up
   * @param damping the price of change of {@link Ridge}
   */
  Repairer(
      Graph dense,
      Graph small,
      Cut cut,
      Calibration calibration,
      RepairBackend backend,
      double damping) {
    this.dense = dense;
    this.backend = backend;
    this.damping = damping;
    this.small = small;
    this.cut = cut;
    this.calibration = calibration;
    this.shapes = Shapes.infer(small, Map.of());
    this.uses = new Uses(small);
    this.rewrite = new Rewrite(small);
  }

  /** Fits all layers in turn, and runs what comes of it once. */
  Repair repair() throws IOException {
    Deque<List<Fit>> passes = passes();
    while (!passes.isEmpty()) {
      List<List<Fit>> next = new ArrayList<>();
      double bytes = 0;
      do {
        bytes += passes.element().stream().mapToDouble(f -> Fit.wantedBytes(f.product())).sum();
        next.add(passes.remove());
      } while (!passes.isEmpty() && bytes < MOST_BYTES);
      want(next.stream().flatMap(List::stream).toList());
      for (int i = 0; i < next.size(); i++) {
        run(next.set(i, List.of()));
      }
    }
    Graph repaired = rewrite.apply();
    try (Calibration.Session session = calibration.open(repaired.model().toByteArray())) {
      session.run(0);
    }
    return new Repair(
        repaired.model(),
        dense.path(),
        layers,
        skipped,
        String.join("+", backends),
        backend.notes());
  }

  /** Gives what is fitted, in turn: together what does not depend on one another. */
  private Deque<List<Fit>> passes() {
    List<Product> products = products();
    Set<String> later = new HashSet<>();
    products.forEach(product -> later.add(product.output()));
    Deque<List<Fit>> passes = new ArrayDeque<>();
    double bytes = MOST_BYTES;
    for (Product product : products) {
      later.remove(product.output());
      Goal goal = Goal.of(product, small, uses, shapes, later);
      bytes += Fit.sumBytes(product);
      if (bytes > MOST_BYTES || needs(goal, passes.getLast())) {
        passes.add(new ArrayList<>());
        bytes = Fit.sumBytes(product);
      }
      int[] kept = cut.kept(product.output(), product.outputAxis(shapes));
      passes.getLast().add(new Fit(product, goal, kept));
    }
    return passes;
  }

  /** Gives the products that lost inputs, or that come after one that did. */
  private List<Product> products() {
    List<Product> products = new ArrayList<>();
    Set<String> touched = new HashSet<>();
    for (Node node : small.nodes()) {
      Optional<Slot> summed = Reduction.slot(node, small);
      boolean lost = summed.filter(slot -> cut.cuts(slot.tensor(), slot.axis())).isPresent();
      boolean later = node.inputs().stream().anyMatch(touched::contains);
      if (lost || later) {
        touched.addAll(node.outputs());
      }
      if ((lost || later) && summed.isPresent()) {
        try {
          products.add(Product.of(small, uses, node));
        } catch (Product.Unfit e) {
          skipped.add(new Repair.Skipped(node.name(), e.reason()));
        }
      }
    }
    return products;
  }

  /** Whether what a goal compares depends on a product that is yet to be solved. */
  private boolean needs(Goal goal, List<Fit> pass) {
    Set<String> used = new HashSet<>();
    Excerpt.needed(small, goal.given(), used);
    return pass.stream().anyMatch(fit -> used.contains(fit.product().output()));
  }

  /** Runs the dense model on all batches, for what is wanted. */
  private void want(List<Fit> fits) throws IOException {
    List<String> wanted = fits.stream().map(fit -> fit.goal().wanted()).toList();
    try (Calibration.Session session = calibration.open(Excerpt.of(dense, wanted))) {
      for (int batch = 0; batch < calibration.batches(); batch++) {
        Map<String, Activation> made = session.run(batch);
        fits.forEach(fit -> fit.want(made, calibration.batches()));
      }
    }
  }

  /** Runs the smaller model, as it is by now, on all batches, and solves. */
  private void run(List<Fit> pass) throws IOException {
    boolean summed = false;
    while (!summed) {
      try {
        backends.addAll(sum(pass));
        summed = true;
      } catch (DeviceException e) {
        backend.giveUp(e); // Then once more, on what is left.
      }
    }
    for (Fit fit : pass) {
      Optional<Fit.Gain> gain = fit.solve(damping, rewrite, uses);
      String name = fit.product().node().name();
      if (gain.isPresent()) {
        Fit.Gain g = gain.get();
        layers.add(
            new Repair.Layer(name, fit.product().columns(), fit.rows(), g.before(), g.after()));
      } else {
        skipped.add(
            new Repair.Skipped(name, "what flows into it is always the same, or not finite"));
      }
    }
  }

  /** Adds up what the smaller model makes of all batches, and names the backends that did. */
  private Set<String> sum(List<Fit> pass) throws IOException {
    List<String> given = pass.stream().flatMap(fit -> fit.goal().given().stream()).toList();
    try (Grams sums = new Grams(backend);
        Calibration.Session session = calibration.open(Excerpt.of(rewrite.apply(), given))) {
      pass.forEach(fit -> fit.begin(sums));
      for (int batch = 0; batch < calibration.batches(); batch++) {
        Map<String, Activation> made = session.run(batch);
        for (Fit fit : pass) {
          fit.add(made, batch);
        }
      }
      return sums.end();
    }
  }

  /** Gives what a run must have made. */
  static Activation of(Map<String, Activation> made, String value) {
    return Objects.requireNonNull(made.get(value), () -> "no floats of \"" + value + "\"");
  }
}
