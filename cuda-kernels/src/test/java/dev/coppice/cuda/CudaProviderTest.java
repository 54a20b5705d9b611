package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class CudaProviderTest {
  @Test
  void theBackendIsFoundAndSaysWhatRunsWhere() {
    BackendProvider provider =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.name().equals("cuda"))
            .findFirst()
            .orElseThrow();
    assertThat(provider.availability())
        .isEqualTo(
            new Availability.Usable(
                "emulated, no GPU: emulated device, compute capability 9.0:"
                    + " key histograms on the device, all else in the reference kernels"));
    assertThat(provider.rank()).isNegative();
    try (Backend backend = provider.create(0)) {
      assertThat(backend.name()).isEqualTo("cuda");
    }
  }

  @Test
  void askedAgainItDoesNotAskTheDriver() {
    CudaProvider provider = new CudaProvider();
    Availability first = provider.availability();
    long calls = EmulatedDriver.calls("*");
    assertThat(provider.availability()).isSameAs(first);
    assertThat(EmulatedDriver.calls("*")).isEqualTo(calls);
  }

  @Test
  void noDeviceIsAReason() {
    EmulatedDriver.setDevices(0);
    assertUnusable("the CUDA driver sees no device");
  }

  @Test
  void tooOldADriverIsAReason() {
    EmulatedDriver.setDriverVersion(12040);
    assertUnusable("it supports CUDA 12.4, 13.0 is needed; install NVIDIA's driver 580 or newer");
  }

  @Test
  void noImageForTheDeviceIsAReason() {
    EmulatedDriver.fail("cuModuleLoadData", 1, 209);
    assertUnusable("not compiled for this device: emulated device, compute capability 9.0");
  }

  @Test
  void aDriverThatFailsIsAReason() {
    EmulatedDriver.fail("cuInit", 1, 999);
    assertUnusable("cuInit failed: CUDA_ERROR_UNKNOWN");
  }

  private static void assertUnusable(String reason) {
    assertThat(new CudaProvider().availability())
        .isInstanceOfSatisfying(
            Availability.Unusable.class, u -> assertThat(u.reason()).contains(reason));
  }
}
