package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.coppice.DType;
import dev.coppice.NanWeightsException;
import dev.coppice.PendingPruning;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import jcuda.driver.CUdeviceptr;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Tensors of another framework's, pruned where they lie and in its stream. */
@ExtendWith(EmulatedDriver.class)
class CudaAsyncTest {
  private static final int ROWS = 60;
  private static final int COLUMNS = 1001;
  private static final int COUNT = ROWS * COLUMNS;

  private CallersDevice caller;

  @BeforeEach
  void beginAsAFramework() {
    caller = new CallersDevice(0);
  }

  @AfterEach
  void endAsAFramework() {
    assertThat(caller.isCurrent()).as("the caller's context is current").isTrue();
    caller.close();
  }

  private Pruner pruner() {
    return Pruner.builder().backend("cuda").stream(caller.streamHandle()).build();
  }

  private static byte[] pruned(byte[] weights, DType dtype, PruningPlan plan) {
    byte[] bytes = weights.clone();
    try (Pruner reference = Pruner.builder().backend("reference").build()) {
      ByteBuffer data = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      reference.prune(Map.of("w", Tensor.of(dtype, data, ROWS, COLUMNS)), plan);
    }
    return bytes;
  }

  @ParameterizedTest
  @EnumSource(Scope.class)
  void tensorsArePrunedInPlaceWhenTheStreamComesToThem(Scope scope) {
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.4, scope));
    for (DType dtype : DType.values()) {
      byte[] weights = CallersDevice.weights(dtype, COUNT, 1);
      CUdeviceptr memory = caller.holding(weights);
      try (Pruner pruner = pruner()) {
        long ran = EmulatedDriver.calls("cuLaunchKernel@run");
        Tensor tensor = CudaTensors.of(dtype, 0, memory, ROWS, COLUMNS);
        try (PendingPruning pending = pruner.pruneAsync(Map.of("w", tensor), plan)) {
          assertThat(EmulatedDriver.calls("cuLaunchKernel@run")).isEqualTo(ran);
          assertThat(pending.isDone()).isFalse();
          caller.awaitStream();
          assertThat(EmulatedDriver.calls("cuLaunchKernel@run")).isGreaterThan(ran);
          assertThat(pending.isDone()).isTrue();
          PruningReport report = pending.get();
          assertThat(report.backend()).isEqualTo("cuda");
          assertThat(report.tensors().get(0).total()).isEqualTo(COUNT);
          assertThat(pending.get()).isSameAs(report);
        }
      }
      assertThat(caller.read(memory, weights.length)).isEqualTo(pruned(weights, dtype, plan));
    }
  }

  @Test
  void weightsAreNotCopied() {
    CUdeviceptr memory = caller.holding(CallersDevice.weights(DType.F32, COUNT, 2));
    try (Pruner pruner = pruner()) {
      long up = EmulatedDriver.calls("cuMemcpyHtoDAsync");
      long down = EmulatedDriver.calls("cuMemcpyDtoHAsync");
      Tensor tensor = CudaTensors.of(DType.F32, 0, memory, ROWS, COLUMNS);
      pruner.pruneAsync(Map.of("w", tensor), PruningPlan.of(Rule.nOfM(2, 7))).get();
      assertThat(EmulatedDriver.calls("cuMemcpyHtoDAsync")).as("tables").isEqualTo(up + 1);
      assertThat(EmulatedDriver.calls("cuMemcpyDtoHAsync")).as("results").isEqualTo(down + 1);
      assertThat(EmulatedDriver.calls("cuMemcpyDtoDAsync")).isZero();
      assertThat(EmulatedDriver.calls("cuMemHostAlloc")).as("pinned memory, of tables").isOne();
    }
  }

  @Test
  void rulesGoOneAfterTheOtherAndANanIsToldWithWhatWasPrunedBesides() {
    byte[] bad = CallersDevice.weights(DType.F32, COUNT, 3);
    ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN).putFloat(4 * 777, Float.NaN);
    byte[] good = CallersDevice.weights(DType.F32, COUNT, 4);
    CUdeviceptr first = caller.holding(bad);
    CUdeviceptr second = caller.holding(good);
    PruningPlan plan =
        PruningPlan.of(
            Rule.unstructured(0.5, Scope.GLOBAL).include("a"), Rule.nOfM(3, 7).include("b"));
    try (Pruner pruner = pruner()) {
      Map<String, Tensor> tensors =
          Map.of(
              "a", CudaTensors.of(DType.F32, 0, first, ROWS, COLUMNS),
              "b", CudaTensors.of(DType.F32, 0, second, ROWS, COLUMNS));
      PendingPruning pending = pruner.pruneAsync(tensors, plan);
      NanWeightsException refused =
          catchThrowableOfType(NanWeightsException.class, () -> pending.get());
      assertThat(refused.tensor()).isEqualTo("a");
      assertThat(refused.index()).isEqualTo(777);
      assertThat(refused.pruned()).containsExactly("b");
      assertThat(refused).hasMessageEndingWith("; pruned all the same: \"b\"");
    }
    assertThat(caller.read(first, bad.length)).isEqualTo(bad);
    PruningPlan groups = PruningPlan.of(Rule.nOfM(3, 7));
    assertThat(caller.read(second, good.length)).isEqualTo(pruned(good, DType.F32, groups));
  }

  @Test
  void aNanInATensorIsToldWithTheOthersOfItsRule() {
    byte[] bad = CallersDevice.weights(DType.F32, 64, 13);
    ByteBuffer.wrap(bad).order(ByteOrder.LITTLE_ENDIAN).putFloat(4 * 7, Float.NaN);
    CUdeviceptr small = caller.holding(bad);
    byte[] good = CallersDevice.weights(DType.F32, COUNT, 14);
    CUdeviceptr large = caller.holding(good);
    Tensor neighbour =
        CudaTensors.of(
            DType.F32, 0, caller.holding(CallersDevice.weights(DType.F32, 64, 15)), 8, 8);
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5));
    try (Pruner pruner = pruner()) {
      Map<String, Tensor> tensors =
          Map.of(
              "small", CudaTensors.of(DType.F32, 0, small, 8, 8),
              "large", CudaTensors.of(DType.F32, 0, large, ROWS, COLUMNS),
              "z", neighbour);
      PendingPruning pending = pruner.pruneAsync(tensors, plan);
      NanWeightsException refused =
          catchThrowableOfType(NanWeightsException.class, () -> pending.get());
      assertThat(refused.tensor()).isEqualTo("small");
      assertThat(refused.pruned()).containsExactly("large", "z");
    }
    assertThat(caller.read(small, bad.length)).isEqualTo(bad);
    assertThat(caller.read(large, good.length)).isEqualTo(pruned(good, DType.F32, plan));
  }

  @Test
  void aWaitWithALimitEndsThere() throws Exception {
    CUdeviceptr memory = caller.holding(CallersDevice.weights(DType.F32, COUNT, 5));
    try (Pruner pruner = pruner()) {
      Tensor tensor = CudaTensors.of(DType.F32, 0, memory, ROWS, COLUMNS);
      PendingPruning pending =
          pruner.pruneAsync(Map.of("w", tensor), PruningPlan.of(Rule.unstructured(0.5)));
      assertThat(catchThrowableOfType(TimeoutException.class, () -> pending.get(Duration.ZERO)))
          .hasMessageContaining("PT0S");
      assertThat(pending.get(Duration.ofMinutes(1)).pruned()).isEqualTo(COUNT / 2);
    }
  }

  @Test
  void aPrunerThatIsClosedHasWaitedForWhatWasPending() {
    byte[] weights = CallersDevice.weights(DType.BF16, COUNT, 6);
    CUdeviceptr memory = caller.holding(weights);
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5));
    PendingPruning pending;
    try (Pruner pruner = pruner()) {
      Tensor tensor = CudaTensors.of(DType.BF16, 0, memory, ROWS, COLUMNS);
      pending = pruner.pruneAsync(Map.of("w", tensor), plan);
    }
    assertThat(pending.isDone()).isTrue();
    assertThat(pending.get().pruned()).isEqualTo(COUNT / 2);
    assertThat(caller.read(memory, weights.length)).isEqualTo(pruned(weights, DType.BF16, plan));
  }

  @Test
  void anotherDevicesContextStaysCurrent() {
    EmulatedDriver.setDevices(2);
    CUdeviceptr memory = caller.holding(CallersDevice.weights(DType.F32, COUNT, 7));
    try (Pruner pruner = Pruner.builder().backend("cuda").build();
        CallersDevice other = new CallersDevice(1)) {
      Tensor tensor = CudaTensors.of(DType.F32, 0, memory, ROWS, COLUMNS);
      pruner.pruneAsync(Map.of("w", tensor), PruningPlan.of(Rule.unstructured(0.5))).get();
      assertThat(other.isCurrent()).isTrue();
    }
  }

  @Test
  void tensorsElsewhereAreRefused() {
    CUdeviceptr memory = caller.holding(CallersDevice.weights(DType.F32, COUNT, 8));
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5));
    try (Pruner pruner = pruner()) {
      Map<String, Tensor> onHost =
          Map.of(
              "a", CudaTensors.of(DType.F32, 0, memory, ROWS, COLUMNS),
              "b", Tensor.of(new float[COUNT], ROWS, COLUMNS));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> pruner.pruneAsync(onHost, plan))
          .withMessageContaining("tensor \"b\" does not lie on a CUDA device");
      Map<String, Tensor> onOther =
          Map.of("a", CudaTensors.of(DType.F32, 1, memory, ROWS, COLUMNS));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> pruner.pruneAsync(onOther, plan))
          .withMessageContaining("lies on CUDA device 1, this pruner uses device 0");
    }
  }
}
