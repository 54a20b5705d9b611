package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.coppice.BackendUnavailableException;
import dev.coppice.Pruner;
import dev.coppice.spi.Availability;
import dev.coppice.spi.Backend;
import dev.coppice.spi.BackendProvider;
import java.util.List;
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
            new Availability.Usable("emulated, no GPU: emulated device, compute capability 9.0"));
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
    assertThat(EmulatedDriver.calls("cuDevicePrimaryCtxRetain")).as("contexts").isZero();
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
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> Pruner.builder().backend("cuda").build())
        .withMessageContaining(
            "not compiled for this device: emulated device, compute capability 9.0");
  }

  @Test
  void aDriverThatFailsIsAReason() {
    EmulatedDriver.fail("cuInit", 1, 999);
    assertUnusable("cuInit failed: CUDA_ERROR_UNKNOWN");
  }

  @Test
  void aDeviceBeyondTheLastIsRefused() {
    refused("there is no CUDA device 1: the only one is device 0", 1);
    EmulatedDriver.setDevices(3);
    refused("there is no CUDA device 5, only 0 to 2", 5);
  }

  private static void refused(String why, int device) {
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> Pruner.builder().backend("cuda").device(device).build())
        .withMessage("backend cuda cannot be used: " + why);
  }

  @Test
  void everyDeviceIsToldOfWithItsMemoryAndItsCopies() {
    EmulatedDriver.setDevices(2);
    EmulatedDriver.setMemory(1, 100_000);
    try (Backend backend = new CudaProvider().create(0)) {
      List<String> details = backend.details();
      assertThat(details).hasSize(2);
      assertThat(details.get(0))
          .matches(
              "device 0: emulated device, compute capability 9\\.0, [0-9.]+ GB of [0-9.]+ GB free,"
                  + " \\d+ multiprocessors, driver supports CUDA 13\\.0,"
                  + " copies at \\d+ GB/s, read and written");
      assertThat(details.get(1))
          .startsWith("device 1: ")
          .endsWith("too little free to measure copies");
    }
  }

  @Test
  void whatPaysIsAnEstimateThatCanBeSet() {
    CudaProvider provider = new CudaProvider();
    long calls = EmulatedDriver.calls("*");
    assertThat(provider.worthwhileBytes()).isEqualTo(1_000_000_000);
    System.setProperty("coppice.cuda.worthwhile", "5");
    try {
      assertThat(provider.worthwhileBytes()).isEqualTo(5);
    } finally {
      System.clearProperty("coppice.cuda.worthwhile");
    }
    assertThat(EmulatedDriver.calls("*")).as("no call of the driver").isEqualTo(calls);
  }

  private static void assertUnusable(String reason) {
    assertThat(new CudaProvider().availability())
        .isInstanceOfSatisfying(
            Availability.Unusable.class, u -> assertThat(u.reason()).contains(reason));
  }
}
