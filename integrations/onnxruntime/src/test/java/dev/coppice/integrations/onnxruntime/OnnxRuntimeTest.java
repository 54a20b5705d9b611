package dev.coppice.integrations.onnxruntime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** ONNX Runtime takes direct buffers as they are; Coppice prunes them where they lie. */
class OnnxRuntimeTest {
  private static final int ROWS = 3;
  private static final int IN = 64;
  private static final int OUT = 48;

  /** Weights are stored [in, out]: the output axis is 1, the reduction axis 0. */
  private static final PruningPlan TWO_OF_FOUR = PruningPlan.of(Rule.nOfM(2, 4).axes(1, 0));

  private final OrtEnvironment environment = OrtEnvironment.getEnvironment();

  @Test
  void aTensorOnADirectBufferIsPrunedWhereItLies() throws OrtException {
    ByteBuffer memory = gaussian(1, IN * OUT);
    try (OnnxTensor held =
            OnnxTensor.createTensor(environment, memory.asFloatBuffer(), new long[] {IN, OUT});
        Pruner pruner = Pruner.create()) {
      assertThat(held.ownsBuffer()).as("the tensor has a copy of its own").isFalse();

      PruningReport report =
          pruner.prune(
              Tensor.of(DType.F32, memory, IN, OUT), PruningPlan.of(Rule.unstructured(0.5)));

      assertThat(report.pruned()).isEqualTo(IN * OUT / 2);
      FloatBuffer seen = held.getFloatBuffer(); // A copy of what ONNX Runtime sees.
      assertThat(zeros(seen)).isEqualTo(IN * OUT / 2);
      assertThat(seen).isEqualTo(memory.asFloatBuffer());
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F16", "BF16"})
  void halfPrecisionTensorsArePrunedWhereTheyLie(DType dtype) throws OrtException {
    ByteBuffer memory = direct(2 * IN * OUT);
    for (int i = 0; i < IN * OUT; i++) {
      memory.putShort(2 * i, (short) (1 + i)); // Numbers of both types, all of them different.
    }
    OnnxJavaType type = dtype == DType.F16 ? OnnxJavaType.FLOAT16 : OnnxJavaType.BFLOAT16;
    try (OnnxTensor held =
            OnnxTensor.createTensor(environment, memory, new long[] {IN, OUT}, type);
        Pruner pruner = Pruner.create()) {
      pruner.prune(Tensor.of(dtype, memory, IN, OUT), PruningPlan.of(Rule.unstructured(0.25)));

      ShortBuffer seen = held.getByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
      for (int i = 0; i < IN * OUT; i++) {
        assertThat(seen.get(i)).isEqualTo((short) (i < IN * OUT / 4 ? 0 : 1 + i));
      }
    }
  }

  @Test
  void prunedWeightsGoIntoASessionWithoutAFile() throws OrtException {
    ByteBuffer weights = gaussian(2, IN * OUT);
    ByteBuffer input = gaussian(3, ROWS * IN);
    try (Pruner pruner = Pruner.create();
        OnnxTensor w =
            OnnxTensor.createTensor(environment, weights.asFloatBuffer(), new long[] {IN, OUT});
        OnnxTensor x =
            OnnxTensor.createTensor(environment, input.asFloatBuffer(), new long[] {ROWS, IN});
        OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      float[] dense = new float[IN * OUT];
      weights.asFloatBuffer().get(dense);

      pruner.prune(Tensor.of(DType.F32, weights, IN, OUT), TWO_OF_FOUR);
      options.addInitializer("w", w);

      try (OrtSession session = environment.createSession(ProductModel.of(ROWS, IN, OUT), options);
          OrtSession.Result result = session.run(Map.of("x", x))) {
        float[][] y = (float[][]) result.get(0).getValue();
        keepTwoOfFour(dense);
        for (int row = 0; row < ROWS; row++) {
          for (int column = 0; column < OUT; column++) {
            double expected = product(input.asFloatBuffer(), dense, row, column);
            assertThat((double) y[row][column])
                .as("y[%d][%d]", row, column)
                .isCloseTo(expected, within(1e-5));
          }
        }
      }
    }
  }

  /** Zeroes the two smaller of every four weights along axis 0. */
  private static void keepTwoOfFour(float[] w) {
    for (int group = 0; group < IN / 4; group++) {
      for (int column = 0; column < OUT; column++) {
        for (int gone = 0; gone < 2; gone++) {
          int least = -1;
          for (int i = 0; i < 4; i++) {
            int at = (4 * group + i) * OUT + column;
            boolean smaller = least < 0 || Math.abs(w[at]) < Math.abs(w[least]);
            least = w[at] != 0 && smaller ? at : least;
          }
          w[least] = 0;
        }
      }
    }
  }

  private static double product(FloatBuffer x, float[] w, int row, int column) {
    double sum = 0;
    for (int i = 0; i < IN; i++) {
      sum += (double) x.get(row * IN + i) * w[i * OUT + column];
    }
    return sum;
  }

  private static int zeros(FloatBuffer values) {
    int zeros = 0;
    for (int i = 0; i < values.capacity(); i++) {
      zeros += values.get(i) == 0 ? 1 : 0;
    }
    return zeros;
  }

  private static ByteBuffer gaussian(long seed, int count) {
    SplittableRandom random = new SplittableRandom(seed);
    ByteBuffer buffer = direct(4 * count);
    for (int i = 0; i < count; i++) {
      buffer.putFloat(4 * i, (float) random.nextGaussian());
    }
    return buffer;
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
