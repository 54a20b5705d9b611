package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.InvalidPlanException;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * What products lose when channels that they sum over go, on calibration data. With y_i what
 * channel i adds to a product's outputs, the squared error that a set of channels leaves is the sum
 * of y_i * y_j over all pairs of the set: exact, means and correlations included. The diagonal is
 * the norm of the channel's weights times the norm of what flows through it.
 */
final class Damage {
  /** Wider products would need matrices of hundreds of megabytes; of them the diagonal is taken. */
  private static final int WIDEST = 4096;

  /** Of larger images a grid of about so many points a side is looked at. */
  private static final int GRID = 14;

  /** What a product loses. */
  static final class Loss {
    private final int channels;
    private final double[] pairs;
    private final double share;

    /**
     * Holds what it is given.
     *
     * @param channels the number of channels
     * @param pairs for each pair of channels the sum of y_i * y_j, or for each channel with itself
     * @param share how large the product's outputs are, in squares, beside the sum that they go
     *     into
     */
    Loss(int channels, double[] pairs, double share) {
      this.channels = channels;
      this.pairs = pairs;
      this.share = share;
    }

    int channels() {
      return channels;
    }

    double share() {
      return share;
    }

    /** Whether all pairs are known; otherwise those of different channels count nothing. */
    boolean hasAll() {
      return pairs.length > channels;
    }

    double pair(int first, int second) {
      return hasAll() ? pairs[first * channels + second] : first == second ? pairs[first] : 0;
    }

    /** Gives the sum over all pairs. */
    double sum() {
      return Arrays.stream(pairs).sum();
    }
  }

  /** Where the model has the numbers of a product. */
  private record Taps(boolean whole, String pairs, String own, String sum) {}

  private final Graph graph;
  private final Shapes shapes;
  private final Uses uses;
  private final TapModel model;
  private final Map<Reduction, Taps> taps = new LinkedHashMap<>();
  private final Map<String, double[]> totals = new LinkedHashMap<>();

  private Damage(Graph graph, Shapes shapes, List<Reduction> reductions) {
    this.graph = graph;
    this.shapes = shapes;
    this.uses = new Uses(graph);
    Set<String> values = new LinkedHashSet<>();
    for (Reduction reduction : reductions) {
      values.add(reduction.input());
      values.add(sum(reduction.node().output(0)));
    }
    this.model = new TapModel(graph, values);
    Map<String, String> energies = new LinkedHashMap<>();
    for (Reduction reduction : reductions) {
      boolean whole = isWhole(reduction);
      String out = reduction.node().output(0);
      taps.put(
          reduction,
          new Taps(
              whole,
              whole ? pairs(reduction) : squares(reduction),
              energies.computeIfAbsent(out, this::energy),
              energies.computeIfAbsent(sum(out), this::energy)));
    }
    for (Taps tap : taps.values()) {
      List.of(tap.pairs(), tap.own(), tap.sum()).forEach(name -> totals.put(name, EMPTY));
    }
    totals.keySet().forEach(model::output);
  }

  private static final double[] EMPTY = {};

  /**
   * Measures the loss of each product.
   *
   * @param shapes with numbers for all sizes that matter
   * @throws InvalidPlanException if what flows is not a number
   * @throws IOException if the model cannot be run
   */
  static Map<Reduction, Loss> measure(
      Graph graph, Shapes shapes, List<Reduction> reductions, Calibration calibration)
      throws IOException {
    Damage damage = new Damage(graph, shapes, reductions);
    damage.run(calibration);
    Map<Reduction, Loss> losses = new LinkedHashMap<>();
    damage.taps.forEach((reduction, taps) -> losses.put(reduction, damage.loss(reduction, taps)));
    return losses;
  }

  private void run(Calibration calibration) throws IOException {
    try (Calibration.Session session = calibration.open(model.bytes())) {
      for (int batch = 0; batch < calibration.batches(); batch++) {
        Map<String, Calibration.Activation> found = session.run(batch);
        totals.replaceAll(
            (name, total) -> add(Objects.requireNonNull(found.get(name)).values(), total));
      }
    }
  }

  private static double[] add(FloatBuffer values, double[] total) {
    double[] sum = total.length == 0 ? new double[values.remaining()] : total;
    for (int i = 0; i < sum.length; i++) {
      sum[i] += values.get(values.position() + i);
    }
    return sum;
  }

  private Loss loss(Reduction reduction, Taps taps) {
    double[] found = Objects.requireNonNull(totals.get(taps.pairs()));
    double[] pairs = taps.whole() ? found : diagonal(reduction, found);
    double own = Objects.requireNonNull(totals.get(taps.own()))[0];
    double sum = Objects.requireNonNull(totals.get(taps.sum()))[0];
    if (!Double.isFinite(own + sum + Arrays.stream(pairs).sum())) {
      throw new InvalidPlanException(
          reduction.node() + " works on what is not a finite number on the calibration data");
    }
    int channels = (int) weight(reduction).getDims(reduction.slot().axis());
    return new Loss(channels, pairs, sum == 0 ? 1 : own / sum);
  }

  /** Gives the value that an output becomes when what is added to it is added. */
  private String sum(String output) {
    String value = output;
    Node next = uses.only(value);
    while (next != null && next.op().equals("Add")) {
      value = next.output(0);
      next = uses.only(value);
    }
    return value;
  }

  private String energy(String value) {
    return model.reduce("ReduceSumSquare", model.floats(value));
  }

  /** Whether all pairs of channels are looked at. */
  private boolean isWhole(Reduction reduction) {
    Node node = reduction.node();
    long[] dims = TensorBytes.dims(weight(reduction));
    boolean convolves = node.op().equals("Conv");
    return columns(dims, reduction, convolves) <= WIDEST
        && (convolves
            ? node.integer("group", 1) == 1
            : dims.length == 2 && !node.op().equals("ConvTranspose"));
  }

  private TensorProto weight(Reduction reduction) {
    return Objects.requireNonNull(graph.tensor(reduction.slot().tensor()));
  }

  private static long columns(long[] dims, Reduction reduction, boolean convolves) {
    long columns = dims[reduction.slot().axis()];
    for (int i = 2; convolves && i < dims.length; i++) {
      columns *= dims[i];
    }
    return columns;
  }

  /** Adds up y_i * y_j: the products of columns that meet, times those of their weights. */
  private String pairs(Reduction reduction) {
    long[] dims = TensorBytes.dims(weight(reduction));
    boolean convolves = reduction.node().op().equals("Conv");
    long columns = columns(dims, reduction, convolves);
    long channels = dims[reduction.slot().axis()];
    String input = model.floats(reduction.input());
    String patches = convolves ? patches(reduction.node(), input, dims) : input;
    long[] order =
        IntStream.range(0, rank(reduction))
            .mapToLong(i -> i < reduction.axis() ? i : i + 1)
            .toArray();
    order[order.length - 1] = reduction.axis();
    String rows = model.reshape(model.transpose(patches, order), -1, columns);
    String met = model.node("MatMul", List.of(model.transpose(rows, 1, 0), rows));
    String weights = model.floats(reduction.slot().tensor());
    if (reduction.slot().axis() == 1) {
      weights = model.transpose(model.reshape(weights, -1, columns), 1, 0);
    }
    String both = model.node("MatMul", List.of(weights, model.transpose(weights, 1, 0)));
    String all = model.node("Mul", List.of(met, both));
    long each = columns / channels;
    return each == 1
        ? all
        : model.reduce("ReduceSum", model.reshape(all, channels, each, channels, each), 1, 3);
  }

  private int rank(Reduction reduction) {
    return Objects.requireNonNull(shapes.of(reduction.input())).length;
  }

  /** Makes channels of what a kernel sees: each number of its window in turn, on a coarse grid. */
  private String patches(Node node, String input, long[] dims) {
    int window = 1;
    for (int i = 2; i < dims.length; i++) {
      window *= (int) dims[i];
    }
    int channels = (int) dims[1];
    double[] picks = new double[channels * window * window];
    for (int i = 0; i < channels * window; i++) {
      picks[i * window + i % window] = 1;
    }
    long[] shape = dims.clone();
    shape[0] = (long) channels * window;
    shape[1] = 1;
    List<AttributeProto> attributes = new ArrayList<>();
    for (AttributeProto attribute : node.proto().getAttributeList()) {
      if (!Set.of("group", "strides").contains(attribute.getName())) {
        attributes.add(attribute);
      }
    }
    attributes.add(TapModel.attribute("group", channels));
    attributes.add(TapModel.attribute("strides", strides(node, dims.length - 2)));
    String weight = model.constant(TensorBytes.floats(picks, shape));
    return model.node("Conv", List.of(input, weight), attributes.toArray(AttributeProto[]::new));
  }

  private long[] strides(Node node, int axes) {
    long[] given = node.integers("strides");
    long[] out = Objects.requireNonNull(shapes.of(node.output(0)));
    return IntStream.range(0, axes)
        .mapToLong(
            i -> {
              long size = Dim.isKnown(out[i + 2]) ? out[i + 2] : 1;
              return (given == null ? 1 : given[i]) * Math.max(1, size / GRID);
            })
        .toArray();
  }

  /** Adds up the squares of what flows through each channel. */
  private String squares(Reduction reduction) {
    long[] others =
        IntStream.range(0, rank(reduction))
            .filter(axis -> axis != reduction.axis())
            .mapToLong(axis -> axis)
            .toArray();
    return model.reduce("ReduceSumSquare", model.floats(reduction.input()), others);
  }

  /** Gives the squares of what flows times those of the weights that it meets. */
  private double[] diagonal(Reduction reduction, double[] squares) {
    TensorProto weight = weight(reduction);
    int size = (int) weight.getDims(reduction.slot().axis());
    boolean convolves = reduction.node().op().equals("Conv");
    int groups = convolves ? (int) reduction.node().integer("group", 1) : 1;
    int length = TensorBytes.elements(weight) / Math.max(1, size);
    double[] own = new double[size];
    Slices.visit(
        weight,
        reduction.slot().axis(),
        (index, place, value) -> {
          int group = (int) ((long) place * groups / length);
          own[index] += value * value * squares[group * size + index];
        });
    return own;
  }
}
