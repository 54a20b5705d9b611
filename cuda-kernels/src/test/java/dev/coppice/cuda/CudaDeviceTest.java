package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.BackendContract;
import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The contract on a real device, and what only so many threads at once can get wrong. */
@Tag("gpu")
@ExtendWith(RealDevice.class)
class CudaDeviceTest extends BackendContract {
  private static final int ROWS = 4096;
  private static final int COLUMNS = 2048;
  private static final int TIMES = 20;

  @Override
  protected String backend() {
    return "cuda";
  }

  /** Each slice is a launch. */
  @Override
  protected int[] sliceSizes() {
    return new int[] {1000, 1 << 20};
  }

  static Stream<Rule> rules() {
    return Stream.of(
        Rule.unstructured(0.5, Scope.GLOBAL),
        Rule.unstructured(0.5, Scope.TENSOR),
        Rule.unstructured(0.5, Scope.ROW),
        Rule.nOfM(2, 4),
        Rule.nOfM(3, 8).axes(1, 0));
  }

  @ParameterizedTest
  @MethodSource("rules")
  void manyTiesOverTheWholeDeviceAreCutAtTheSamePlaceEachTime(Rule rule) {
    Random random = new Random(1);
    short[] weights = new short[ROWS * COLUMNS];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (short) (0x3F80 + random.nextInt(3) | random.nextInt(2) << 15);
    }
    short[] expected = weights.clone();
    prune("reference", rule, expected);
    for (int i = 0; i < TIMES; i++) {
      short[] pruned = weights.clone();
      prune("cuda", rule, pruned);
      assertThat(Arrays.equals(pruned, expected)).as("the weights are equal, time %d", i).isTrue();
    }
  }

  @ParameterizedTest
  @MethodSource("rules")
  void wideWeightsArePrunedTheSameEachTime(Rule rule) {
    Random random = new Random(2);
    float[] weights = new float[ROWS * COLUMNS];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) random.nextGaussian();
    }
    float[] expected = weights.clone();
    prune("reference", rule, Tensor.of(expected, ROWS, COLUMNS));
    for (int i = 0; i < TIMES; i++) {
      float[] pruned = weights.clone();
      prune("cuda", rule, Tensor.of(pruned, ROWS, COLUMNS));
      assertThat(Arrays.equals(pruned, expected)).as("the weights are equal, time %d", i).isTrue();
    }
  }

  private static void prune(String backend, Rule rule, short[] weights) {
    prune(backend, rule, Tensor.of(DType.BF16, weights, ROWS, COLUMNS));
  }

  private static void prune(String backend, Rule rule, Tensor tensor) {
    try (Pruner pruner = Pruner.builder().backend(backend).build()) {
      pruner.prune(tensor, PruningPlan.of(rule));
    }
  }
}
