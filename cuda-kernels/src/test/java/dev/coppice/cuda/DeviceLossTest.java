package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.coppice.DeviceLostException;
import dev.coppice.spi.Availability;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** In a process of its own: a lost device stays lost. */
@ExtendWith(EmulatedDriver.class)
class DeviceLossTest {
  @Test
  void afterAnErrorThatPoisonsTheContextTheDriverIsNotCalledAgain() {
    CudaKernels kernels = CudaKernels.open(0);
    EmulatedDriver.fail("cuLaunchKernel", 1, 700);
    assertThatExceptionOfType(DeviceLostException.class)
        .isThrownBy(() -> DeviceFaultsTest.count(kernels, 10))
        .withMessageContaining("cuLaunchKernel failed: CUDA_ERROR_ILLEGAL_ADDRESS");
    long calls = EmulatedDriver.calls("*");
    assertThatExceptionOfType(DeviceLostException.class)
        .isThrownBy(() -> DeviceFaultsTest.count(kernels, 10));
    kernels.close();
    assertThat(new CudaProvider().availability())
        .isInstanceOfSatisfying(
            Availability.Unusable.class,
            unusable -> assertThat(unusable.reason()).contains("CUDA_ERROR_ILLEGAL_ADDRESS"));
    assertThat(EmulatedDriver.calls("*")).isEqualTo(calls);
  }
}
