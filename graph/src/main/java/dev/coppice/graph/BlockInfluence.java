package dev.coppice.graph;

import dev.coppice.InvalidPlanException;
import dev.coppice.graph.Calibration.Activation;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * How much a block changes what flows through it: one minus the mean, over all tokens or places of
 * an image, of the cosine between what enters and what leaves (Men et al., "ShortGPT", 2024).
 */
final class BlockInfluence {
  /** Blocks that are looked at in the first run: what they pass is in memory at the same time. */
  private static final int AT_ONCE = 16;

  /** Numbers that may be in memory then, where more blocks are looked at in one run. */
  private static final int MOST_NUMBERS = 32 << 20;

  private final Graph graph;
  private int largest = 1;

  private BlockInfluence(Graph graph) {
    this.graph = graph;
  }

  /** Gives the influence of each block on the calibration data. */
  static double[] of(Graph graph, List<Block> blocks, Calibration calibration) throws IOException {
    double[] influences = new double[blocks.size()];
    int atOnce = AT_ONCE;
    for (int from = 0; from < influences.length; ) {
      BlockInfluence influence = new BlockInfluence(graph);
      int to = Math.min(influences.length, from + atOnce);
      double[] some = influence.measure(blocks.subList(from, to), calibration);
      System.arraycopy(some, 0, influences, from, some.length);
      // Each time a runtime reads the whole model, which takes long where it has many blocks.
      atOnce = Math.max(AT_ONCE, MOST_NUMBERS / (2 * influence.largest));
      from = to;
    }
    return influences;
  }

  private double[] measure(List<Block> blocks, Calibration calibration) throws IOException {
    List<String> values =
        blocks.stream().flatMap(block -> Stream.of(block.input(), block.output())).toList();
    TapModel model = new TapModel(graph, values);
    List<String> taps = values.stream().map(model::floats).toList();
    taps.forEach(model::output);
    Cosine[] cosines = new Cosine[blocks.size()];
    Arrays.setAll(cosines, i -> new Cosine());
    try (Calibration.Session session = calibration.open(model.bytes())) {
      for (int batch = 0; batch < calibration.batches(); batch++) {
        Map<String, Activation> found = session.run(batch);
        for (int i = 0; i < cosines.length; i++) {
          Activation in = Repairer.of(found, taps.get(2 * i));
          Activation out = Repairer.of(found, taps.get(2 * i + 1));
          largest = Math.max(largest, in.values().remaining());
          cosines[i].add(in, out, axis(blocks.get(i), in.shape().size()));
        }
      }
    }
    double[] influences = Arrays.stream(cosines).mapToDouble(c -> 1 - c.mean()).toArray();
    for (int i = 0; i < influences.length; i++) {
      if (Double.isNaN(influences[i])) {
        throw new InvalidPlanException(
            "what flows through %s is not a number on the calibration data"
                .formatted(blocks.get(i).name()));
      }
    }
    return influences;
  }

  /**
   * Gives the axis of channels: the second where a convolution or a norm of channels comes next.
   */
  private int axis(Block block, int rank) {
    Set<String> reached = new LinkedHashSet<>(Set.of(block.input()));
    for (Node node : graph.nodes()) {
      if (node.inputs().stream().anyMatch(reached::contains)) {
        if (Operators.UNARY.contains(node.op())) {
          reached.add(node.output(0));
        } else if (CHANNELS_SECOND.contains(node.op())) {
          return 1;
        }
      }
    }
    return rank - 1;
  }

  private static final Set<String> CHANNELS_SECOND =
      Set.of(
          "BatchNormalization",
          "Conv",
          "ConvTranspose",
          "GroupNormalization",
          "InstanceNormalization");

  /** A mean of cosines between vectors along an axis. */
  static final class Cosine {
    private double sum;
    private long count;

    /** Adds the cosine between each vector and the one at the same place. */
    void add(Activation a, Activation b, int axis) {
      if (!a.shape().equals(b.shape())) {
        throw new IllegalStateException("values of shapes " + a.shape() + " and " + b.shape());
      }
      int inner = product(a.shape(), axis + 1, a.shape().size());
      int length = product(a.shape(), axis, a.shape().size()) / Math.max(1, inner);
      int outer = product(a.shape(), 0, axis);
      for (int i = 0; i < outer; i++) {
        add(a.values(), b.values(), i * length * inner, length, inner);
      }
    }

    private void add(FloatBuffer a, FloatBuffer b, int from, int length, int inner) {
      double[] both = new double[inner];
      double[] first = new double[inner];
      double[] second = new double[inner];
      for (int i = 0; i < length * inner; i++) {
        double x = a.get(a.position() + from + i);
        double y = b.get(b.position() + from + i);
        both[i % inner] += x * y;
        first[i % inner] += x * x;
        second[i % inner] += y * y;
      }
      for (int i = 0; i < inner; i++) {
        double norms = Math.sqrt(first[i]) * Math.sqrt(second[i]);
        sum += norms == 0 ? (first[i] == second[i] ? 1 : 0) : both[i] / norms;
      }
      count += inner;
    }

    private static int product(List<Long> shape, int from, int to) {
      long product = 1;
      for (int i = from; i < to; i++) {
        product *= shape.get(i);
      }
      return Math.toIntExact(product);
    }

    double mean() {
      return sum / count;
    }
  }
}
