package dev.coppice.integrations.djl;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.nn.core.Linear;
import ai.djl.training.ParameterStore;
import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** DJL's PyTorch engine shares memory with direct buffers; Coppice prunes it where it lies. */
class DjlTest {
  private static final int IN = 64;
  private static final int OUT = 32;

  @BeforeAll
  static void pytorchIsHere() {
    assumeTrue(
        DjlTest.class.getResource("/native/lib/pytorch.properties") != null,
        "this build has PyTorch's natives for linux-x86_64 only");
  }

  @Test
  void anArrayOnADirectBufferSeesWhatIsPruned() {
    SplittableRandom random = new SplittableRandom(1);
    ByteBuffer memory = ByteBuffer.allocateDirect(4 * IN * OUT).order(ByteOrder.nativeOrder());
    for (int i = 0; i < IN * OUT; i++) {
      memory.putFloat(4 * i, (float) random.nextGaussian());
    }
    try (NDManager manager = NDManager.newBaseManager("PyTorch");
        Pruner pruner = Pruner.create()) {
      NDArray weights = manager.create(memory, new Shape(OUT, IN), DataType.FLOAT32);
      assertThat(nonzero(weights)).isEqualTo(IN * OUT);

      pruner.prune(Tensor.of(DType.F32, memory, OUT, IN), PruningPlan.of(Rule.nOfM(2, 4)));

      assertThat(nonzero(weights)).isEqualTo(IN * OUT / 2);
      assertThat(weights.toByteBuffer(false).order(ByteOrder.nativeOrder())).isEqualTo(memory);
    }
  }

  @Test
  void aParameterThatDjlAllocatedIsPrunedWhereItLies() {
    try (NDManager manager = NDManager.newBaseManager("PyTorch");
        Pruner pruner = Pruner.create()) {
      Linear layer = Linear.builder().setUnits(OUT).optBias(false).build();
      layer.initialize(manager, DataType.FLOAT32, new Shape(1, IN));
      Parameter parameter = layer.getParameters().valueAt(0);
      NDArray weights = parameter.getArray();
      float[] dense = weights.toFloatArray();

      ByteBuffer memory = weights.toByteBuffer(true);
      pruner.prune(Tensor.of(DType.F32, memory, OUT, IN), PruningPlan.of(Rule.unstructured(0.75)));

      float[] pruned = weights.toFloatArray();
      assertThat(nonzero(weights)).isEqualTo(IN * OUT / 4);
      float[] x = new float[IN];
      for (int i = 0; i < IN; i++) {
        x[i] = 1 + i % 7;
      }
      NDArray y =
          layer
              .forward(
                  new ParameterStore(manager, false),
                  new NDList(manager.create(x, new Shape(1, IN))),
                  false)
              .singletonOrThrow();
      float[] actual = y.toFloatArray();
      for (int o = 0; o < OUT; o++) {
        double expected = 0;
        for (int i = 0; i < IN; i++) {
          float weight = pruned[o * IN + i];
          assertThat(weight).isIn(0f, dense[o * IN + i]);
          expected += (double) weight * x[i];
        }
        assertThat((double) actual[o]).isCloseTo(expected, within(1e-4));
      }
    }
  }

  private static long nonzero(NDArray array) {
    return array.countNonzero().getLong();
  }
}
