package dev.coppice.evaluation;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.coppice.evaluation.Answer.Exact;
import dev.coppice.evaluation.Answer.Floats;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Whether two models answer the same, but for rounding.
 *
 * @param tolerance how far apart numbers may be, relative to the largest of their output
 * @param shares the outputs that are probabilities or the like, which 1 counts as the largest of
 */
record Agreement(double tolerance, Set<String> shares) {
  /**
   * What models may differ by. Removed channels change how sums are cut into blocks, so last bits
   * differ, and more of them layer by layer: eight models, ten random cuts each, stayed below this
   * (graph's RealModelTest); a single wrong channel is off by a thousand times as much.
   */
  private static final double F32 = 2e-5;

  /** The same where numbers of 11 bits are rounded to: sixteen roundings. */
  private static final double F16 = 0x1p-7;

  /** The same for 8 bits. */
  private static final double BF16 = 0x1p-4;

  /** Outputs that are smaller than this throughout are held against this. */
  private static final float SMALLEST = 1e-3f;

  /**
   * What a model is, and what it answered.
   *
   * @param declared its inputs and outputs, as ONNX Runtime gives them
   * @param runs the outputs of each run, by name
   */
  record Testimony(List<String> declared, List<Map<String, Answer>> runs) {}

  /** What ends a comparison before its end. */
  private static final class Ended extends Exception {
    private static final long serialVersionUID = 1;
    private final transient Proof proof;

    Ended(Proof proof) {
      this.proof = proof;
    }

    static Ended failed(String format, Object... values) {
      return new Ended(new Proof.Failed(String.format(Locale.ROOT, format, values)));
    }
  }

  /** Expects of a model what the coarsest type of its numbers allows. */
  static Agreement of(ModelGraph graph, Set<String> shares) {
    double tolerance = F32;
    for (TensorProto tensor : graph.constants()) {
      DataType type = DataType.forNumber(tensor.getDataType());
      tolerance =
          Math.max(
              tolerance, type == DataType.BFLOAT16 ? BF16 : type == DataType.FLOAT16 ? F16 : 0);
    }
    return new Agreement(tolerance, Set.copyOf(shares));
  }

  Proof between(Testimony expected, Testimony found) {
    Map<String, Double> differences = new TreeMap<>();
    try {
      checkDeclared(expected.declared, found.declared);
      for (int run = 0; run < expected.runs.size(); run++) {
        for (Map.Entry<String, Answer> output : expected.runs.get(run).entrySet()) {
          String name = output.getKey();
          Answer answer = found.runs.get(run).get(name);
          check(name, output.getValue(), answer);
          if (output.getValue() instanceof Floats wanted && answer instanceof Floats made) {
            differences.merge(name, distance(name, wanted, made), Math::max);
          }
        }
      }
    } catch (Ended e) {
      return e.proof;
    }
    return new Proof.Held(expected.runs.size(), tolerance, differences);
  }

  private static void checkDeclared(List<String> expected, List<String> found) throws Ended {
    for (int i = 0; i < Math.max(expected.size(), found.size()); i++) {
      String wanted = i < expected.size() ? expected.get(i) : "nothing more";
      String made = i < found.size() ? found.get(i) : "nothing more";
      if (!wanted.equals(made)) {
        throw Ended.failed("the dense model has %s, the smaller one %s", wanted, made);
      }
    }
  }

  /** Checks what is no matter of rounding. */
  private static void check(String name, Answer expected, @Nullable Answer found) throws Ended {
    if (found == null || !found.shape().equals(expected.shape())) {
      throw Ended.failed(
          "output \"%s\" is of shape %s, of the dense model %s",
          name, found == null ? "none" : found.shape(), expected.shape());
    }
    if (expected instanceof Exact wanted && !(found instanceof Exact made && made.isSame(wanted))) {
      throw Ended.failed("output \"%s\" is not the same, and is not one of rounded numbers", name);
    }
  }

  /** Gives the largest difference of two outputs, relative to the largest number. */
  private double distance(String name, Floats expected, Floats found) throws Ended {
    FloatBuffer wanted = expected.values();
    FloatBuffer made = found.values();
    float largest = shares.contains(name) ? 1 : SMALLEST;
    double furthest = 0;
    for (int i = 0; i < wanted.limit(); i++) {
      float value = wanted.get(i);
      if (Float.isNaN(value)) {
        throw new Ended(
            new Proof.NotRun(
                "the dense model gives NaN as output \"" + name + "\" for random inputs"));
      }
      if (Float.isFinite(value)) {
        largest = Math.max(largest, Math.abs(value));
      }
      if (value != made.get(i)) {
        double difference = Math.abs(made.get(i) - (double) value);
        furthest = Double.isNaN(difference) ? Double.MAX_VALUE : Math.max(furthest, difference);
      }
    }
    double distance = furthest / largest;
    if (distance > tolerance) {
      throw Ended.failed(
          "output \"%s\" differs by %.1e of its largest number, %.1e is allowed",
          name, distance, tolerance);
    }
    return distance;
  }
}
