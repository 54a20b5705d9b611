package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.graph.Calibration.Activation;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.ejml.data.DMatrixRMaj;

/** Finds the weights and the bias with which a product comes closest to its goal. */
final class Fit {
  /** More rows than so many for each unknown do not make a better fit. */
  private static final long ROWS_PER_COLUMN = 50;

  private static final int TYPICAL_ROWS = 1000;

  /** What a fit brings: the root of the sum of squares that is missed, relative to the spread. */
  record Gain(double before, double after) {}

  /** Rows of a batch, and what is wanted of each, one after the other. */
  private static final class Wanted {
    private final int[] rows;
    private final float[] values;
    private final List<Long> spatial;

    Wanted(int[] rows, float[] values, List<Long> spatial) {
      this.rows = rows;
      this.values = values;
      this.spatial = spatial;
    }
  }

  private final Product product;
  private final Goal goal;
  private final int[] kept;
  private final List<Wanted> wanted = new ArrayList<>();
  private final List<Gram> grams = new ArrayList<>();
  private final double[] bias;
  private double share;
  private double typical;
  private long rows;

  /**
   * Begins without rows.
   *
   * @param kept which outputs of the dense product the product has
   */
  Fit(Product product, Goal goal, int[] kept) {
    this.product = product;
    this.goal = goal;
    this.kept = kept;
    bias = new double[product.groups() * product.outputs()];
    Bias found = product.bias();
    if (found != null) {
      double[] values = found.values(bias.length);
      Arrays.setAll(bias, i -> found.factor() * values[i]);
    }
  }

  /** Gives about how many bytes the sums take, and solving them. */
  static double sumBytes(Product product) {
    return product.groups() * Gram.bytes(product.columns(), product.outputs());
  }

  /** Gives about how many bytes take at most what is wanted. */
  static double wantedBytes(Product product) {
    return 4 * mostRows(product) * (product.groups() * product.outputs() + 1);
  }

  private static double mostRows(Product product) {
    return ROWS_PER_COLUMN * (product.columns() + 1.0);
  }

  Product product() {
    return product;
  }

  Goal goal() {
    return goal;
  }

  /** Gives the number of rows so far. */
  long rows() {
    return rows;
  }

  /** Remembers what the dense model makes of the next batch; of very many rows, any of them. */
  void want(Map<String, Activation> dense, int batches) {
    Activation made = Repairer.of(dense, goal.wanted());
    Outputs outputs = new Outputs(product, made, kept);
    if (wanted.isEmpty()) {
      share = mostRows(product) / ((double) outputs.rows() * batches);
      typical = typical(outputs);
    }
    SplittableRandom random = new SplittableRandom(wanted.size());
    int[] taken =
        IntStream.range(0, outputs.rows()).filter(row -> random.nextDouble() < share).toArray();
    float[] values = new float[Math.multiplyExact(taken.length, kept.length)];
    for (int i = 0; i < values.length; i++) {
      values[i] = outputs.get(taken[i / kept.length], i % kept.length);
    }
    int rank = made.shape().size();
    wanted.add(new Wanted(taken, values, made.shape().subList(Math.min(2, rank), rank)));
  }

  /** Gives the mean square of what is wanted, from some of the rows. */
  private double typical(Outputs outputs) {
    int step = Math.max(1, outputs.rows() / TYPICAL_ROWS);
    double sum = 0;
    long count = 0;
    for (int row = 0; row < outputs.rows(); row += step) {
      for (int i = 0; i < kept.length; i++) {
        sum += (double) outputs.get(row, i) * outputs.get(row, i);
        count++;
      }
    }
    return sum / count;
  }

  /** Begins to add up, from nothing. */
  void begin(Grams sums) {
    long expected = wanted.stream().mapToLong(goals -> goals.rows.length).sum();
    grams.clear();
    rows = 0;
    for (int group = 0; group < product.groups(); group++) {
      grams.add(sums.begin(product.columns(), product.outputs(), expected));
    }
  }

  /** Adds up what the smaller model makes of a batch, with what is wanted of it. */
  void add(Map<String, Activation> small, int batch) {
    Wanted goals = wanted.get(batch);
    Rows inputs = Rows.of(product, Repairer.of(small, goal.input()), goals.spatial);
    int[] all = IntStream.range(0, kept.length).toArray();
    Outputs other =
        goal.other() == null ? null : new Outputs(product, Repairer.of(small, goal.other()), all);
    double[] term = bias.clone();
    for (int i = 0; i < goals.rows.length; i++) {
      int row = goals.rows[i];
      for (int j = 0; other != null && j < term.length; j++) {
        term[j] = bias[j] + other.get(row, j);
      }
      for (int group = 0; group < grams.size(); group++) {
        double[] values = grams.get(group).next();
        inputs.read(row, group, values);
        add(values, group, goals.values, i * kept.length, term);
      }
    }
    rows += goals.rows.length;
    grams.forEach(Gram::flush);
  }

  /** Completes a row, and makes it count the less, the larger what is wanted. */
  private void add(double[] values, int group, float[] goals, int from, double[] term) {
    int target = grams.get(group).target();
    double squares = 0;
    for (int i = 0; i < product.outputs(); i++) {
      int output = group * product.outputs() + i;
      double goal = goals[from + output];
      squares += goal * goal;
      values[target + i] = goal - term[output];
    }
    double square = squares / product.outputs();
    double weight = typical > 0 ? 1 / Math.sqrt(1 + square / typical) : 1;
    for (int i = 0; i < values.length; i++) {
      values[i] *= weight;
    }
  }

  /** Finds the weights and writes them; nothing is found where the equations have no solution. */
  Optional<Gain> solve(double damping, Rewrite rewrite, Uses uses) {
    ByteBuffer weights = TensorBytes.copy(product.weight());
    double[] shift = new double[bias.length];
    double before = 0;
    double after = 0;
    double spread = 0;
    for (int group = 0; group < grams.size(); group++) {
      Ridge ridge = new Ridge(grams.get(group), product.bias() != null);
      Optional<Ridge.Solution> found = ridge.solve(present(group), damping);
      if (found.isEmpty()) {
        return Optional.empty();
      }
      Ridge.Solution solution = found.get();
      write(solution.weights(), group, weights);
      System.arraycopy(
          solution.intercepts().getData(), 0, shift, group * product.outputs(), product.outputs());
      before += solution.before();
      after += solution.after();
      spread += solution.spread();
    }
    long[] dims = TensorBytes.dims(product.weight());
    rewrite.tensor(TensorBytes.with(product.weight(), dims, weights));
    if (product.bias() != null) {
      write(product.bias(), shift, rewrite, uses);
    }
    return Optional.of(new Gain(root(before, spread), root(after, spread)));
  }

  private static double root(double missed, double spread) {
    return spread > 0 ? Math.sqrt(Math.max(0, missed) / spread) : 0;
  }

  private DMatrixRMaj present(int group) {
    DMatrixRMaj present = new DMatrixRMaj(product.columns(), product.outputs());
    ByteBuffer bytes = TensorBytes.of(product.weight());
    for (int i = 0; i < product.columns(); i++) {
      for (int j = 0; j < product.outputs(); j++) {
        float weight = bytes.getFloat(4 * product.position(group, i, j));
        present.unsafe_set(i, j, product.factor() * weight);
      }
    }
    return present;
  }

  private void write(DMatrixRMaj found, int group, ByteBuffer weights) {
    for (int i = 0; i < product.columns(); i++) {
      for (int j = 0; j < product.outputs(); j++) {
        float weight = (float) (found.unsafe_get(i, j) / product.factor());
        weights.putFloat(4 * product.position(group, i, j), weight);
      }
    }
  }

  private static void write(Bias bias, double[] shift, Rewrite rewrite, Uses uses) {
    double[] values = bias.values(shift.length);
    Arrays.setAll(values, i -> values[i] + shift[i] / bias.factor());
    TensorProto made = bias.with(values);
    TensorProto old = bias.tensor();
    if (old != null
        && TensorBytes.elements(old) == shift.length
        && uses.count(old.getName()) == 1) {
      rewrite.tensor(made.toBuilder().setName(old.getName()).build());
    } else {
      rewrite.input(bias.node(), bias.input(), made);
    }
  }
}
