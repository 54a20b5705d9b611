package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.BackendContract;
import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Devices of compute capability 7.5, whose blocks hold half a histogram and shorter rows. */
@ExtendWith(EmulatedDriver.class)
class CudaSmallSharedMemoryTest extends BackendContract {
  @BeforeEach
  void haveAsLittleSharedMemoryAsTuring() {
    EmulatedDriver.setSharedMemory(65_536);
  }

  @Override
  protected String backend() {
    return "cuda";
  }

  @Override
  protected int[] sliceSizes() {
    return new int[] {1 << 20};
  }

  @Test
  void longRowsThatLieSideBySideAreSelectedTogetherAsFarAsTheyFit() {
    int rows = 33;
    int columns = 5000;
    Random random = new Random(1);
    short[] expected = new short[rows * columns];
    for (int i = 0; i < expected.length; i++) {
      expected[i] = (short) random.nextInt(0x7F80);
    }
    short[] weights = expected.clone();
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5, Scope.ROW).axes(1, 0));
    for (String name : List.of("reference", backend())) {
      try (Pruner pruner = Pruner.builder().backend(name).build()) {
        short[] pruned = name.equals(backend()) ? weights : expected;
        pruner.prune(Tensor.of(DType.BF16, pruned, columns, rows), plan);
      }
    }
    assertThat(weights).isEqualTo(expected);
  }
}
