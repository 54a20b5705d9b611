package dev.coppice.cli;

import dev.coppice.DType;
import dev.coppice.InvalidPlanException;
import dev.coppice.Tensor;
import dev.coppice.formats.plan.JsonPlan;
import dev.coppice.graph.LinearLayer;
import dev.coppice.graph.Sparsifier.Choice;
import dev.coppice.graph.Sparsifier.Decision;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.Planner;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Says which layers are compressed, and how: as was measured, or all that fit. */
final class SparsifyChoice {
  /** Below it a bitmap saves next to nothing. */
  private static final double LEAST_SPARSITY = 0.3;

  /**
   * Further from the share of zeros that a plan measured, what it says of a layer is of another.
   */
  private static final double SAME_SPARSITY = 0.02;

  private static final String PARTS = "; ";

  static final class Formats extends PlanOptions.Words {
    private static final long serialVersionUID = 1;

    Formats() {
      super("auto", "bitmap", "2:4", "csr");
    }
  }

  private SparsifyChoice() {}

  /**
   * Reads the options.
   *
   * @param anyMachine whether a plan may have been measured elsewhere
   */
  static Choice of(
      @Nullable Path plan, @Nullable Long batch, @Nullable String format, boolean anyMachine)
      throws IOException {
    if ((plan == null) == (format == null)) {
      throw new InvalidPlanException(
          "one of --plan and --format is required: --plan compresses what was measured to be faster,"
              + " --format auto all layers that fit");
    }
    if (plan == null) {
      if (batch != null || anyMachine) {
        throw new InvalidPlanException(
            (batch != null ? "--batch" : "--any-machine") + " goes with --plan alone");
      }
      return fitting(String.valueOf(format));
    }
    long rows = batch == null ? 1 : batch;
    if (rows < 1) {
      throw new InvalidPlanException("--batch must be 1 or more, not " + rows);
    }
    return planned(plan, rows, anyMachine);
  }

  /** Compresses all layers that a format is good for. */
  private static Choice fitting(String format) {
    return switch (format) {
      case "bitmap", "2:4", "csr" -> (layer, weights) -> new Decision.Hold(Format.named(format));
      case "auto" -> SparsifyChoice::automatic;
      default ->
          throw new InvalidPlanException(
              "--format must be auto, bitmap, 2:4 or csr, not \"" + format + "\"");
    };
  }

  /** Takes what needs the fewest bytes: which is the fastest, only a measurement tells. */
  static Decision automatic(LinearLayer layer, Tensor weights) {
    if (layer.sparsity() < LEAST_SPARSITY) {
      return new Decision.Leave(
          String.format(Locale.ROOT, "fewer than %.0f%% zeros", 100 * LEAST_SPARSITY));
    }
    Map<Format, Long> sizes = new EnumMap<>(LinearWeights.sizes(weights));
    Format smallest = Collections.min(sizes.entrySet(), Map.Entry.comparingByValue()).getKey();
    return smallest == Format.DENSE
        ? new Decision.Leave("takes no fewer bytes compressed")
        : new Decision.Hold(smallest);
  }

  /** Compresses what was measured to be faster so with the products that the operator has. */
  private static Choice planned(Path file, long batch, boolean anyMachine) throws IOException {
    LinearPlan plan = Models.input(file, JsonPlan::read);
    if (!plan.device().startsWith("cpu")) {
      throw new InvalidPlanException(
          file
              + ": it is a plan for "
              + plan.device()
              + ", and the operator runs on the processor");
    }
    if (!anyMachine) {
      requireHere(file, plan);
    }
    return (layer, weights) ->
        names(layer)
            .flatMap(name -> plan.choice(name, batch).stream())
            .findFirst()
            .map(row -> decision(row, layer))
            .orElse(new Decision.Leave("the plan does not name it"));
  }

  /** Refuses a plan that was measured on another machine, or with other versions. */
  private static void requireHere(Path file, LinearPlan plan) {
    String here = Planner.key(Device.named(plan.device()));
    if (!plan.key().equals(here)) {
      throw new InvalidPlanException(
          ("%s: it was measured with \"%s\", and this is \"%s\": measure here with coppice bench model;"
                  + " --any-machine takes it for a model that is to run there")
              .formatted(file, without(plan.key(), here), without(here, plan.key())));
    }
  }

  /** Gives the parts of a key that another one does not have. */
  private static String without(String key, String other) {
    List<String> parts = new ArrayList<>(List.of(key.split(PARTS, -1)));
    parts.removeAll(List.of(other.split(PARTS, -1)));
    return String.join(PARTS, parts);
  }

  /** Plans name layers by their weights, or by the node where that tells more. */
  private static Stream<String> names(LinearLayer layer) {
    List<String> names = new ArrayList<>(List.of(layer.name()));
    names.addAll(layer.nodes());
    return names.stream();
  }

  private static Decision decision(LinearPlan.Row row, LinearLayer layer) {
    if (row.out() != layer.out()
        || row.in() != layer.in()
        || row.dtype() != DType.F32
        || Math.abs(row.sparsity() - layer.sparsity()) > SAME_SPARSITY) {
      return new Decision.Leave(
          String.format(
              Locale.ROOT,
              "the plan measured other weights of that name, %dx%d %s with %.1f%% zeros: measure"
                  + " again",
              row.out(),
              row.in(),
              row.dtype(),
              100 * row.sparsity()));
    }
    return row.provider().equals("native") && row.format() != Format.DENSE
        ? new Decision.Hold(row.format())
        : new Decision.Leave(
            "the plan has " + row.format().title() + " of " + row.provider() + " as the fastest");
  }
}
