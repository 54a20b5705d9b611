package dev.coppice.graph;

import dev.coppice.Glob;
import dev.coppice.InvalidPlanException;
import dev.coppice.graph.Calibration.Activation;
import dev.coppice.graph.Calibration.Session;
import dev.coppice.graph.Group.Kind;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Reaches a target by taking whole blocks away, those with the least influence first. Where
 * channels, heads or neurons may go too, they make up for what the blocks leave: one block after
 * another is tried, and the model taken whose outputs on the calibration data are the most like the
 * dense model's.
 */
final class Depth {
  /** So many counts in a row that are worse than the best end the search. */
  private static final int PATIENCE = 2;

  private final Shrinker dense;
  private final ShrinkRequest request;
  private final Calibration calibration;
  private final List<Block> blocks;
  private final Map<Block, Double> influences = new HashMap<>();
  private final double before;

  Depth(Shrinker dense, ShrinkRequest request, Calibration calibration) throws IOException {
    this.dense = dense;
    this.request = request;
    this.calibration = calibration;
    this.blocks = dense.blocks();
    this.before = dense.cost(List.of(), request.metric());
    double[] measured = BlockInfluence.of(dense.graph(), blocks, calibration);
    for (int i = 0; i < measured.length; i++) {
      influences.put(blocks.get(i), measured[i]);
    }
  }

  /**
   * Makes the smaller model.
   *
   * @throws InvalidPlanException if the target cannot be reached
   */
  Shrinkage shrink() throws IOException {
    Set<Kind> units = new HashSet<>(request.kinds());
    units.remove(Kind.LAYERS);
    return units.isEmpty() ? byBlocks() : byBoth(units);
  }

  /** Gives the blocks that may go, those with the least influence first; of equals the last. */
  private List<Block> order() {
    List<Glob> keep = request.keep().stream().map(Glob::of).toList();
    List<Block> order = new ArrayList<>(blocks);
    Collections.reverse(order);
    order.sort(Comparator.comparingDouble(block -> influences.getOrDefault(block, 0.0)));
    order.removeIf(block -> keep.stream().anyMatch(block::isNamed));
    int least = Math.max(1, (int) Math.ceil(request.floor() * blocks.size()));
    return order.subList(0, Math.max(0, Math.min(order.size(), blocks.size() - least)));
  }

  private boolean suffices(List<Block> gone) {
    return dense.cost(gone, request.metric()) <= request.fraction() * before;
  }

  private Shrinkage byBlocks() throws IOException {
    List<Block> order = order();
    int most = order.size();
    for (int least = 0; least < most; ) {
      int middle = (least + most) / 2;
      if (suffices(order.subList(0, middle))) {
        most = middle;
      } else {
        least = middle + 1;
      }
    }
    List<Block> gone = order.subList(0, most);
    if (!suffices(gone)) {
      throw new InvalidPlanException(
          String.format(
              Locale.ROOT,
              "%s=%s cannot be reached: with %d of %d blocks removed, %.4f of the %s are left",
              request.metric(),
              request.fraction(),
              gone.size(),
              blocks.size(),
              dense.cost(gone, request.metric()) / before,
              request.metric()));
    }
    // Blocks differ in size: a later one may have made an earlier one needless.
    for (Block block : List.copyOf(gone)) {
      List<Block> fewer = new ArrayList<>(gone);
      fewer.remove(block);
      if (suffices(fewer)) {
        gone = fewer;
      }
    }
    return made(gone, Set.of());
  }

  private Shrinkage byBoth(Set<Kind> units) throws IOException {
    List<Block> order = order();
    Shrinkage best = null;
    double closest = Double.NEGATIVE_INFINITY;
    int worse = 0;
    try (Session session = calibration.open(dense.graph().model().toByteArray())) {
      for (int count = 0; count <= order.size() && worse < PATIENCE; count++) {
        try {
          Shrinkage made = made(order.subList(0, count), units);
          double likeness = likeness(session, made);
          worse = likeness > closest ? 0 : worse + 1;
          best = likeness > closest ? made : best;
          closest = Math.max(closest, likeness);
        } catch (InvalidPlanException e) {
          worse = 0; // Out of reach; with more blocks gone it may not be.
        }
        if (suffices(order.subList(0, count))) {
          break;
        }
      }
    }
    if (best == null) {
      throw new InvalidPlanException(
          "%s=%s cannot be reached, however many blocks go"
              .formatted(request.metric(), request.fraction()));
    }
    return best;
  }

  /** Takes blocks away, and of the rest so much that the target is reached. */
  private Shrinkage made(List<Block> gone, Set<Kind> units) throws IOException {
    double left = dense.cost(gone, request.metric());
    double fraction = Math.min(1, request.fraction() * before / left);
    List<Shrinkage.Layer> layers =
        blocks.stream()
            .map(
                block ->
                    new Shrinkage.Layer(
                        block, influences.getOrDefault(block, 0.0), !gone.contains(block)))
            .toList();
    Shrinker rest = dense.without(gone);
    Shrinkage made =
        fraction == 1 ? rest.whole() : rest.cut(request.with(fraction, units), calibration);
    return made.in(dense, layers);
  }

  /** Gives the mean cosine of the outputs, each of a sample one vector, to the dense model's. */
  private double likeness(Session session, Shrinkage made) throws IOException {
    BlockInfluence.Cosine cosine = new BlockInfluence.Cosine();
    try (Session small = calibration.open(made.model())) {
      for (int batch = 0; batch < calibration.batches(); batch++) {
        Map<String, Activation> found = small.run(batch);
        session
            .run(batch)
            .forEach(
                (name, expected) -> {
                  Activation answer = found.get(name);
                  if (answer != null) {
                    cosine.add(samples(expected), samples(answer), 1);
                  }
                });
      }
    }
    return Double.isNaN(cosine.mean()) ? Double.NEGATIVE_INFINITY : cosine.mean();
  }

  private static Activation samples(Activation output) {
    long count = output.shape().isEmpty() ? 1 : Math.max(1, output.shape().get(0));
    return new Activation(List.of(count, output.values().remaining() / count), output.values());
  }
}
