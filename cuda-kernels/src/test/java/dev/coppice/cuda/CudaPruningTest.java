package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Whole tensors, from the API to the kernel and back. */
@ExtendWith(EmulatedDriver.class)
class CudaPruningTest {
  private static final int ROWS = 300;
  private static final int COLUMNS = 501;

  private final Random random = new Random(3);

  @ParameterizedTest
  @EnumSource(Scope.class)
  void bothBackendsPruneTheSameBits(Scope scope) {
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5, scope));
    float[] f32 = new float[ROWS * COLUMNS];
    short[] bf16 = new short[ROWS * COLUMNS];
    for (int i = 0; i < f32.length; i++) {
      f32[i] = random.nextInt(8) == 0 ? 0 : (float) random.nextGaussian();
      bf16[i] = (short) (Float.floatToRawIntBits((float) random.nextGaussian()) >>> 16);
    }
    float[] expectedF32 = f32.clone();
    short[] expectedBf16 = bf16.clone();
    prune("reference", plan, tensors(expectedF32, expectedBf16));
    prune("cuda", plan, tensors(f32, bf16));
    assertThat(Arrays.equals(f32, expectedF32)).as("the F32 weights are equal").isTrue();
    assertThat(Arrays.equals(bf16, expectedBf16)).as("the BF16 weights are equal").isTrue();
    assertThat(EmulatedDriver.calls("cuLaunchKernel")).isPositive();
  }

  @Test
  void aSecondPruneFindsTheZerosOfTheFirst() {
    float[] weights = new float[ROWS * COLUMNS];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) random.nextGaussian();
    }
    for (double sparsity : new double[] {0.5, 0.5, 0.9}) {
      PruningPlan plan = PruningPlan.of(Rule.unstructured(sparsity, Scope.GLOBAL));
      prune("cuda", plan, Map.of("w", Tensor.of(weights, ROWS, COLUMNS)));
      long zeros = 0;
      for (float weight : weights) {
        zeros += weight == 0 ? 1 : 0;
      }
      assertThat(zeros).isEqualTo((long) Math.rint(sparsity * weights.length));
    }
  }

  private static Map<String, Tensor> tensors(float[] f32, short[] bf16) {
    return Map.of(
        "a", Tensor.of(f32, ROWS, COLUMNS), "b", Tensor.of(DType.BF16, bf16, ROWS, COLUMNS));
  }

  private static void prune(String backend, PruningPlan plan, Map<String, Tensor> tensors) {
    try (Pruner pruner = Pruner.builder().backend(backend).sliceBytes(100_000).build()) {
      assertThat(pruner.backend()).isEqualTo(backend);
      pruner.prune(tensors, plan);
    }
  }
}
