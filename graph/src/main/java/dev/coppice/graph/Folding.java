package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.graph.Constants.Channels;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * Constants that channels carry, moved into the biases of the products behind them. A channel whose
 * weights are zero still carries what its bias, or the shift of its norm, makes of zero; when it
 * goes, what it added to each output is added to the bias instead, so that nothing changes. That is
 * exact where every output sees the whole constant: not where a convolution pads with zeros, so
 * there the constant is lost as the rest is.
 */
final class Folding {
  private final Graph graph;
  private final Uses uses;
  private final AxisClasses classes;
  private final List<Reduction> reductions;
  private final Constants constants;
  private final Set<Integer> blocked = new HashSet<>();
  private final Map<Reduction, BitSet> used = new HashMap<>();

  Folding(Graph graph, Shapes shapes, AxisClasses classes, List<Reduction> reductions) {
    this.graph = graph;
    this.uses = new Uses(graph);
    this.classes = classes;
    this.reductions = reductions;
    this.constants = Constants.in(graph, shapes);
    Set<Node> known = new HashSet<>();
    reductions.forEach(reduction -> known.add(reduction.node()));
    for (Node node : graph.nodes()) {
      if (Groups.PRODUCTS.contains(node.op()) && !known.contains(node)) {
        block(node);
      }
    }
  }

  /** Remembers what is summed over by a product whose weights are made while the model runs. */
  private void block(Node node) {
    boolean convolves = node.op().startsWith("Conv");
    int last = classes.rank(node.input(0)) - 1;
    block(node.input(0), convolves ? 1 : last);
    block(node.input(1), convolves ? 1 : classes.rank(node.input(1)) - 2);
    if (node.op().equals("Gemm")) {
      block(node.input(0), 0);
      block(node.input(1), 1);
    }
  }

  private void block(String value, int axis) {
    for (int i = 0; classes.has(value, axis) && i < classes.size(value, axis); i++) {
      blocked.add(classes.find(classes.atom(value, axis, i)));
    }
  }

  /** Whether a unit can go without changing anything: what it adds is nothing, or can be moved. */
  boolean isFree(Group group, int place) {
    Group.Unit unit = group.units().get(place);
    int id = classes.find(unit.classId());
    if (blocked.contains(id) || classes.isContracted(id)) {
      return false;
    }
    boolean summed = false;
    for (Reduction reduction : reductions) {
      int slot = group.slots().indexOf(reduction.slot());
      for (int index : slot < 0 ? new int[0] : unit.indices().get(slot)) {
        summed = true;
        if (used(reduction).get(index) && !isKnown(reduction, index)) {
          return false;
        }
      }
    }
    return summed;
  }

  /** Gives which indices of a weight's axis have weights that are not zero. */
  private BitSet used(Reduction reduction) {
    return used.computeIfAbsent(
        reduction,
        key -> {
          TensorProto tensor = Objects.requireNonNull(graph.tensor(key.slot().tensor()));
          BitSet set = new BitSet();
          Slices.visit(
              tensor,
              key.slot().axis(),
              (slice, place, value) -> {
                if (value != 0) {
                  set.set(slice);
                }
              });
          return set;
        });
  }

  /** Whether what meets an index of a weight is a constant that can be moved, or zero. */
  private boolean isKnown(Reduction reduction, int index) {
    Channels channels = constants.of(reduction.input());
    if (channels == null || channels.axis() != reduction.axis()) {
      return false;
    }
    int size =
        (int)
            Objects.requireNonNull(graph.tensor(reduction.slot().tensor()))
                .getDims(reduction.slot().axis());
    for (int channel = index; channel < channels.numbers().length; channel += size) {
      double number = channels.numbers()[channel];
      if (number != 0 && (Double.isNaN(number) || !folds(reduction.node()))) {
        return false;
      }
    }
    return true;
  }

  private boolean folds(Node node) {
    return Constants.isUniform(node)
        && Weights.of(node, graph)
            .flatMap(weights -> Bias.of(node, graph, uses, weights.outputs()))
            .filter(bias -> bias.tensor() == null || bias.tensor().getDimsCount() <= 1)
            .isPresent();
  }

  /** Gives what is to be added to the outputs of products when a cut is made, by their names. */
  Map<String, double[]> sums(Cut cut) {
    Map<String, double[]> sums = new LinkedHashMap<>();
    for (Reduction reduction : reductions) {
      Channels channels = constants.of(reduction.input());
      if (channels != null && channels.axis() == reduction.axis() && folds(reduction.node())) {
        double[] sum = sum(reduction, channels, cut);
        if (Arrays.stream(sum).anyMatch(number -> number != 0)) {
          sums.put(reduction.node().output(0), sum);
        }
      }
    }
    return sums;
  }

  private double[] sum(Reduction reduction, Channels channels, Cut cut) {
    double[] moved = channels.numbers().clone();
    for (int i = 0; i < moved.length; i++) {
      boolean stays = !cut.isRemoved(reduction.input(), reduction.axis(), i);
      moved[i] = stays || Double.isNaN(moved[i]) ? 0 : moved[i];
    }
    Weights weights = Weights.of(reduction.node(), graph).orElseThrow();
    double[] sum = new double[weights.outputs()];
    if (Arrays.stream(moved).anyMatch(number -> number != 0)) {
      weights.visit((channel, output, weight) -> sum[output] += weight * moved[channel]);
    }
    return sum;
  }
}
