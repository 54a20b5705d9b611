package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.LayerCase;
import dev.coppice.spi.LinearBench;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The energy that a device counts; {@link EnergyProcessTest} has what takes a fresh process. */
@ExtendWith(EmulatedDriver.class)
class EnergyCounterTest {
  private static final int NOT_SUPPORTED = 3;

  private static LinearBench open(int ordinal) {
    return new LinearCudaBenchProvider().open(Device.cuda(ordinal)).orElseThrow();
  }

  @Test
  void theCounterIsThatOfTheDeviceAndMovesWithItsWork() {
    EmulatedDriver.setDevices(2);
    try (LinearBench first = open(0);
        LinearBench second = open(1)) {
      double before = second.joules().orElseThrow();
      assertThat(first.joules().orElseThrow()).isBetween(1000.0, 1999.0);
      assertThat(before).isBetween(2000.0, 2999.0);
      for (int i = 0; i < 8; i++) {
        second.copyOf(LayerCase.numbers(new Random(i), DType.F32, 4, 4));
      }
      assertThat(second.joules().orElseThrow()).isGreaterThan(before);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nvmlInit",
        "nvmlDeviceGetHandleByPciBusId",
        "nvmlDeviceGetTotalEnergyConsumption"
      })
  void whereTheDeviceDoesNotCountThereIsNone(String call) {
    EmulatedDriver.fail(call, 1, NOT_SUPPORTED);
    try (LinearBench bench = open(0)) {
      assertThat(bench.joules()).isEmpty();
      assertThat(bench.joules()).as("it is not asked again").isEmpty();
    }
    assertThat(EmulatedDriver.calls("nvmlInit")).isEqualTo(1);
  }

  @Test
  void aDeviceThatCannotBeDividedCounts() {
    EmulatedDriver.fail("nvmlDeviceGetMigMode", 1, NOT_SUPPORTED);
    try (LinearBench bench = open(0)) {
      assertThat(bench.joules()).isPresent();
    }
  }

  @Test
  void aReadingThatFailsIsAbsent() {
    try (LinearBench bench = open(0)) {
      assertThat(bench.joules()).isPresent();
      EmulatedDriver.fail("nvmlDeviceGetTotalEnergyConsumption", 1, NOT_SUPPORTED);
      assertThat(bench.joules()).isEmpty();
      assertThat(bench.joules()).isPresent();
    }
  }

  @Test
  void whoDoesNotAskDoesNotWaitForNvml() {
    open(0).close();
    assertThat(EmulatedDriver.calls("nvmlInit")).isZero();
  }
}
