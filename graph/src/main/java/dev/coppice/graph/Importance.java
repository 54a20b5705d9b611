package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.graph.ShrinkRequest.Criterion;
import dev.coppice.spi.Philox;
import dev.coppice.spi.Summand;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * How much the units of a group matter. By weights: each weight that the group is cut from gives
 * each unit its share of what the criterion counts; a unit's importance is the mean over those
 * weights. (Fang et al., "DepGraph: towards any structural pruning", 2023, add up first and divide
 * once: there the weights with large numbers, not those that lose most, decide.) By activations:
 * {@link Damage} and {@link Greedy}.
 */
final class Importance {
  private final Graph graph;
  private final List<Reduction> reductions;
  private final Map<Reduction, Damage.Loss> losses;
  private final SliceSums sliceSums;
  private final Criterion criterion;
  private final long seed;
  private final Set<String> scales = new HashSet<>();
  private final Map<Slot, double[]> sums = new HashMap<>();

  /**
   * Looks at a graph.
   *
   * @param losses what the products lose; for the criterion of activations alone
   * @param seed of the random criterion
   */
  Importance(
      Graph graph,
      List<Reduction> reductions,
      Map<Reduction, Damage.Loss> losses,
      SliceSums sliceSums,
      Criterion criterion,
      long seed) {
    this.graph = graph;
    this.reductions = reductions;
    this.losses = losses;
    this.sliceSums = sliceSums;
    this.criterion = criterion;
    this.seed = seed;
    for (Node node : graph.nodes()) {
      if (node.op().equals("BatchNormalization")) {
        scales.add(node.input(1));
      }
    }
  }

  /**
   * Ranks the units of a group; nothing where the criterion says nothing of it.
   *
   * @param free the units, by their place, that go without changing anything
   */
  Optional<Ranking> of(Group group, IntPredicate free) {
    List<Reduction> own =
        reductions.stream().filter(r -> group.slots().contains(r.slot())).toList();
    if (criterion == Criterion.RANDOM) {
      long id = Philox.tensorId(group.name());
      double[] words = new double[group.units().size()];
      Arrays.setAll(words, i -> Integer.toUnsignedLong(Philox.word(seed, id, i)));
      return Optional.of(Ranking.of(words, Math.max(1, own.size())));
    }
    if (criterion == Criterion.ACTIVATION && !own.isEmpty()) {
      Greedy greedy = new Greedy(group, free);
      own.forEach(r -> greedy.add(r.slot(), Objects.requireNonNull(losses.get(r))));
      return Optional.of(greedy.rank());
    }
    if (group.slots().stream().noneMatch(this::counts)) {
      return Optional.empty();
    }
    double[] scores = byWeights(group);
    for (int unit = 0; unit < scores.length; unit++) {
      scores[unit] = free.test(unit) ? 0 : scores[unit];
    }
    // As many outputs suffer as products sum over what goes.
    return Optional.of(Ranking.of(scores, Math.max(1, own.size())));
  }

  private double[] byWeights(Group group) {
    double[] scores = new double[group.units().size()];
    for (int s = 0; s < group.slots().size(); s++) {
      if (counts(group.slots().get(s))) {
        double[] shares = shares(criterion == Criterion.FPGM ? apart(group, s) : sums(group, s));
        Arrays.setAll(scores, unit -> scores[unit] + shares[unit]);
      }
    }
    return scores;
  }

  /** Biases, means and variances say little of how much a channel matters. */
  private boolean counts(Slot slot) {
    TensorProto tensor = graph.tensors().get(slot.tensor());
    boolean isScale = scales.contains(slot.tensor());
    return tensor != null
        && TensorBytes.isFloat(tensor.getDataType())
        && (isScale || (criterion != Criterion.BN_SCALE && tensor.getDimsCount() > 1));
  }

  private TensorProto tensor(Slot slot) {
    return Objects.requireNonNull(graph.tensors().get(slot.tensor()));
  }

  /** Gives for each unit the sum of what the elements of its slices count. */
  private double[] sums(Group group, int number) {
    Slot slot = group.slots().get(number);
    boolean squares = criterion == Criterion.L2 || criterion == Criterion.ACTIVATION;
    Summand summand = squares ? Summand.SQUARE : Summand.MAGNITUDE;
    double[] slices = sums.computeIfAbsent(slot, s -> sliceSums.of(tensor(s), s.axis(), summand));
    double[] own = new double[group.units().size()];
    for (int unit = 0; unit < own.length; unit++) {
      for (int index : group.units().get(unit).indices().get(number)) {
        own[unit] += slices[index];
      }
    }
    return own;
  }

  /** Gives for each unit the sum of the distances of its slices to those of all others. */
  private double[] apart(Group group, int number) {
    Slot slot = group.slots().get(number);
    float[][] slices = Slices.vectors(tensor(slot), slot.axis());
    int[][] indices =
        group.units().stream().map(unit -> unit.indices().get(number)).toArray(int[][]::new);
    double[] apart = new double[indices.length];
    for (int a = 0; a < apart.length; a++) {
      for (int b = 0; b < a; b++) {
        double distance = Slices.distance(slices, indices[a], indices[b]);
        apart[a] += distance;
        apart[b] += distance;
      }
    }
    return apart;
  }

  private static double[] shares(double[] scores) {
    double sum = Arrays.stream(scores).sum();
    return sum == 0 ? scores : Arrays.stream(scores).map(score -> score / sum).toArray();
  }
}
