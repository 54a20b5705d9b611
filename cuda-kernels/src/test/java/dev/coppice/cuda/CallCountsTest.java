package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What a model of 200 tensors costs in calls of the driver. */
@ExtendWith(EmulatedDriver.class)
class CallCountsTest {
  private static final int TENSORS = 200;

  /** What a device of 16 GB keeps; the emulated one is small. */
  @BeforeEach
  void keepMemoryBetweenCalls() {
    System.setProperty("coppice.cuda.kept", "256000000");
  }

  @AfterEach
  void keepAsMuchAsUsual() {
    System.clearProperty("coppice.cuda.kept");
  }

  @Test
  void sixteenBitTensorsCostThreeOrFourLaunchesNoAllocationAndNoCopyButTheTables() {
    // As compute capability 8.9 has it: a tensor does not fit, and a histogram takes two launches.
    EmulatedDriver.setSharedMemory(101_376);
    assertCalls(DType.BF16, 52_000, Rule.unstructured(0.5, Scope.TENSOR), 4);
    EmulatedDriver.setSharedMemory(232_448);
    assertCalls(DType.BF16, 1000, Rule.unstructured(0.5, Scope.GLOBAL), 3);
  }

  @Test
  void thirtyTwoBitTensorsCostNineLaunches() {
    assertCalls(DType.F32, 1000, Rule.unstructured(0.5, Scope.GLOBAL), 9);
  }

  @Test
  void tensorsThatFitAMultiprocessorRowsAndGroupsCostOneLaunch() {
    assertCalls(DType.F32, 1000, Rule.unstructured(0.5, Scope.TENSOR), 1);
    assertCalls(DType.BF16, 1000, Rule.unstructured(0.5, Scope.ROW), 1);
    assertCalls(DType.F32, 1000, Rule.nOfM(2, 4), 1);
  }

  private static void assertCalls(DType dtype, int elements, Rule rule, int launches) {
    Random random = new Random(1);
    try (DeviceArrays arrays = new DeviceArrays();
        Pruner pruner = Pruner.builder().backend("cuda").build()) {
      Map<String, Tensor> model = new LinkedHashMap<>();
      for (int t = 0; t < TENSORS; t++) {
        ByteBuffer bytes =
            ByteBuffer.allocateDirect(elements * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < elements; i++) {
          int bits = Float.floatToRawIntBits((float) random.nextGaussian());
          if (dtype == DType.F32) {
            bytes.putInt(bits);
          } else {
            bytes.putShort((short) (bits >>> 16));
          }
        }
        model.put("t" + t, arrays.tensor(dtype, bytes.clear(), elements / 100, 100));
      }
      PruningPlan plan = PruningPlan.of(rule);
      pruner.prune(model, plan);
      Counts before = Counts.now();
      PruningReport report = pruner.prune(model, plan);
      Counts after = Counts.now();
      assertThat(report.pruned()).isEqualTo(elements / 2L * TENSORS);
      assertThat(after.launches - before.launches).as("launches").isLessThanOrEqualTo(launches);
      assertThat(after.allocations - before.allocations).as("allocations").isZero();
      assertThat(after.copies - before.copies).as("tables up, tallies down").isEqualTo(2);
      assertThat(after.waits - before.waits).as("waits").isEqualTo(1);
    }
  }

  private record Counts(long launches, long allocations, long copies, long waits) {
    static Counts now() {
      return new Counts(
          EmulatedDriver.calls("cuLaunchKernel"),
          sum("cuMemAlloc", "cuMemAllocAsync", "cuMemHostAlloc", "cuStreamCreate", "cuEventCreate"),
          sum("cuMemcpyHtoD", "cuMemcpyHtoDAsync", "cuMemcpyDtoH", "cuMemcpyDtoHAsync"),
          sum("cuStreamSynchronize", "cuEventSynchronize", "cuCtxSynchronize"));
    }

    private static long sum(String... calls) {
      long sum = 0;
      for (String call : calls) {
        sum += EmulatedDriver.calls(call);
      }
      return sum;
    }
  }
}
