package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.NanWeightsException;
import dev.coppice.spi.Philox;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * How much the units of a group matter. Each weight that the group is cut from gives each unit the
 * share of its squares or absolute values that lies in the unit's slices; a unit's importance is
 * the mean over those weights, so that a group's sums to one. (Fang et al., "DepGraph: towards any
 * structural pruning", 2023, add up first and divide once: there the weights with large numbers,
 * not those that lose most, decide.)
 */
final class Importance {
  private final Graph graph;
  private final Set<String> scales = new HashSet<>();
  private final Set<Slot> reduced = new HashSet<>();
  private final Map<Slot, double[]> norms = new HashMap<>();
  private final ShrinkRequest.Criterion criterion;
  private final long seed;

  Importance(Graph graph, ShrinkRequest.Criterion criterion, long seed) {
    this.graph = graph;
    this.criterion = criterion;
    this.seed = seed;
    for (Node node : graph.nodes()) {
      if (node.op().equals("BatchNormalization")) {
        scales.add(node.input(1));
      }
      reducedBy(node).ifPresent(reduced::add);
    }
  }

  /** Gives the importance of each unit of a group. */
  double[] of(Group group) {
    double[] scores = new double[group.units().size()];
    if (criterion == ShrinkRequest.Criterion.RANDOM) {
      long id = Philox.tensorId(group.name());
      Arrays.setAll(scores, i -> Integer.toUnsignedLong(Philox.word(seed, id, i)));
    } else {
      for (int s = 0; s < group.slots().size(); s++) {
        if (counts(group.slots().get(s))) {
          addSlot(group, s, scores);
        }
      }
    }
    return shares(scores);
  }

  /** Gives the axis of a node's weight that it sums over. */
  private Optional<Slot> reducedBy(Node node) {
    for (int input = 0; input < 2; input++) {
      TensorProto weight = graph.tensor(node.input(input));
      if (weight == null || !Groups.PRODUCTS.contains(node.op())) {
        continue;
      }
      boolean left = input == 0;
      int axis =
          switch (node.op()) {
            case "Conv" -> 1;
            case "ConvTranspose" -> 0;
            case "Gemm" -> left == (node.integer(left ? "transA" : "transB", 0) == 0) ? 1 : 0;
            default -> weight.getDimsCount() - (left ? 1 : 2);
          };
      return Optional.of(new Slot(weight.getName(), axis));
    }
    return Optional.empty();
  }

  /** Gives how many products sum over what a group loses: as many outputs suffer. */
  long sufferers(Group group) {
    return Math.max(1, group.slots().stream().filter(reduced::contains).count());
  }

  /** Biases, means and variances say little of how much a channel matters. */
  private boolean counts(Slot slot) {
    TensorProto tensor = graph.tensors().get(slot.tensor());
    return tensor != null
        && TensorBytes.isFloat(tensor.getDataType())
        && (tensor.getDimsCount() > 1 || scales.contains(slot.tensor()));
  }

  private void addSlot(Group group, int number, double[] scores) {
    Slot slot = group.slots().get(number);
    TensorProto tensor = Objects.requireNonNull(graph.tensors().get(slot.tensor()));
    double[] slices = norms.computeIfAbsent(slot, key -> norms(tensor, slot.axis()));
    double[] own = new double[scores.length];
    for (int unit = 0; unit < own.length; unit++) {
      for (int index : group.units().get(unit).indices().get(number)) {
        own[unit] += slices[index];
      }
    }
    double[] shares = shares(own);
    Arrays.setAll(scores, unit -> scores[unit] + shares[unit]);
  }

  private static double[] shares(double[] scores) {
    double sum = Arrays.stream(scores).sum();
    return sum == 0 ? scores : Arrays.stream(scores).map(score -> score / sum).toArray();
  }

  /** Gives for each slice along an axis the sum of what its elements count. */
  private double[] norms(TensorProto tensor, int axis) {
    long[] dims = TensorBytes.dims(tensor);
    double[] sums = new double[(int) dims[axis]];
    int inner = 1;
    for (int i = axis + 1; i < dims.length; i++) {
      inner *= (int) dims[i];
    }
    ByteBuffer bytes = TensorBytes.of(tensor);
    int count = bytes.remaining() / TensorBytes.width(tensor.getDataType());
    boolean squares = criterion == ShrinkRequest.Criterion.L2;
    for (int i = 0; i < count; i++) {
      double value = TensorBytes.element(bytes, tensor.getDataType(), i);
      if (Double.isNaN(value)) {
        throw new NanWeightsException(tensor.getName(), i, false);
      }
      sums[i / inner % sums.length] += squares ? value * value : Math.abs(value);
    }
    return sums;
  }
}
