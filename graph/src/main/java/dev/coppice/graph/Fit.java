package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.graph.Calibration.Activation;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
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

  private static final long TYPICAL_ROWS = 1000;

  /** What a fit brings: the root of the sum of squares that is missed, relative to the spread. */
  record Gain(double before, double after) {}

  private final Product product;
  private final Goal goal;
  private final int[] kept;
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
    for (int group = 0; group < product.groups(); group++) {
      grams.add(new Gram(product.columns(), product.outputs()));
    }
    bias = new double[product.groups() * product.outputs()];
    Product.Bias found = product.bias();
    if (found != null && (product.addsBias() || goal.other() != null)) {
      for (int i = 0; i < bias.length; i++) {
        bias[i] = found.factor() * found.value(i);
      }
    }
  }

  /** Gives about how many bytes one takes at most. */
  static double bytes(Product product) {
    return product.groups() * Gram.bytes(product.columns(), product.outputs());
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

  /**
   * Adds what a batch says; of very many rows, any that are enough.
   *
   * @param small what the smaller model made
   * @param dense what the dense model made
   */
  void add(Map<String, Activation> small, Map<String, Activation> dense, int batch, int batches) {
    Activation input = Repairer.of(small, goal.input());
    Rows wanted = Rows.of(product, input, Repairer.of(dense, goal.wanted()), kept);
    int[] all = IntStream.range(0, kept.length).toArray();
    Rows other =
        goal.other() == null
            ? null
            : Rows.of(product, input, Repairer.of(small, goal.other()), all);
    if (batch == 0) {
      double most = ROWS_PER_COLUMN * (product.columns() + 1.0);
      share = most / ((double) wanted.count() * batches);
      typical = typical(wanted);
    }
    double[] term = new double[product.outputs()];
    SplittableRandom random = new SplittableRandom(batch);
    for (long row = 0; row < wanted.count(); row++) {
      if (random.nextDouble() < share) {
        for (int group = 0; group < grams.size(); group++) {
          if (other != null) {
            other.readOutput(row, group, term, 0);
          }
          add(wanted, row, group, term);
        }
        rows++;
      }
    }
    grams.forEach(Gram::flush);
  }

  private void add(Rows wanted, long row, int group, double[] term) {
    Gram gram = grams.get(group);
    double[] values = gram.next();
    wanted.readInput(row, group, values);
    wanted.readOutput(row, group, values, gram.target());
    double squares = 0;
    for (int i = 0; i < gram.outputs(); i++) {
      int at = gram.target() + i;
      squares += values[at] * values[at];
      values[at] -= term[i] + bias[group * gram.outputs() + i];
    }
    weigh(values, squares / gram.outputs());
  }

  /** Makes a row count the less, the larger what is wanted: few large ones are not all. */
  private void weigh(double[] values, double square) {
    double weight = typical > 0 ? 1 / Math.sqrt(1 + square / typical) : 1;
    for (int i = 0; i < values.length; i++) {
      values[i] *= weight;
    }
  }

  /** Gives the mean square of what is wanted, from some of the rows. */
  private double typical(Rows wanted) {
    double[] values = new double[product.outputs()];
    long step = Math.max(1, wanted.count() / TYPICAL_ROWS);
    double sum = 0;
    long count = 0;
    for (long row = 0; row < wanted.count(); row += step) {
      for (int group = 0; group < grams.size(); group++) {
        wanted.readOutput(row, group, values, 0);
        for (double value : values) {
          sum += value * value;
          count++;
        }
      }
    }
    return sum / count;
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
          solution.intercepts(), 0, shift, group * product.outputs(), product.outputs());
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

  private static void write(Product.Bias bias, double[] shift, Rewrite rewrite, Uses uses) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * shift.length).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < shift.length; i++) {
      bytes.putFloat((float) (bias.value(i) + shift[i] / bias.factor()));
    }
    bytes.flip();
    TensorProto old = bias.tensor();
    if (old != null
        && TensorBytes.elements(old) == shift.length
        && uses.count(old.getName()) == 1) {
      rewrite.tensor(TensorBytes.with(old, TensorBytes.dims(old), bytes));
    } else {
      rewrite.input(bias.node(), bias.input(), TensorBytes.floats("", shift.length, bytes));
    }
  }
}
