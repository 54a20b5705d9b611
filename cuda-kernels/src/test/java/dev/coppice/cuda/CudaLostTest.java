package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.coppice.DType;
import dev.coppice.DeviceLostException;
import dev.coppice.PendingPruning;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Tensor;
import dev.coppice.spi.Availability;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * What is left when a kernel has poisoned the context: a lost device stays lost for its process.
 */
@ExtendWith(EmulatedDriver.class)
class CudaLostTest {
  private static final int ILLEGAL_ADDRESS = 700;

  @Test
  void whatIsPendingFailsAndNoCallIsMadeAfterwards() {
    CudaProvider provider = new CudaProvider();
    assertThat(provider.availability()).isInstanceOf(Availability.Usable.class);
    CallersDevice caller = new CallersDevice(0); // Its memory is lost with the device.
    CudaPruner pruner = CudaPruner.open(0);
    byte[] weights = CallersDevice.weights(DType.F32, 4096, 1);
    Tensor tensor = CudaTensors.of(DType.F32, 0, caller.holding(weights), 64, 64);
    PruningPlan plan = PruningPlan.of(Rule.nOfM(2, 4));
    CudaMask mask = pruner.mask(tensor, plan);
    try (Pruner other = Pruner.builder().backend("cuda").stream(caller.streamHandle()).build()) {
      EmulatedDriver.fail("cuLaunchKernel@run", 1, ILLEGAL_ADDRESS);
      PendingPruning pending = other.pruneAsync(Map.of("w", tensor), plan);
      Throwable failure = catchThrowable(pending::get);
      assertThat(failure).isInstanceOf(DeviceLostException.class);
      assertThat(pending.isDone()).isTrue();
      assertThat(catchThrowable(pending::get)).isSameAs(failure);
      long calls = EmulatedDriver.calls("*");
      assertThat(catchThrowable(() -> other.pruneAsync(Map.of("w", tensor), plan)))
          .isInstanceOf(DeviceLostException.class);
      assertThat(catchThrowable(mask::countPruned)).isInstanceOf(DeviceLostException.class);
      mask.close();
      pruner.close();
      assertThat(EmulatedDriver.calls("*")).isEqualTo(calls);
    }
    assertThat(provider.availability())
        .isInstanceOfSatisfying(
            Availability.Unusable.class,
            u ->
                assertThat(u.reason())
                    .contains("CUDA_ERROR_ILLEGAL_ADDRESS")
                    .endsWith("cannot be used any more from this process, only from a new one"));
  }
}
