package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearContract;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearProvider;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The contract of products on a real device. */
@Tag("gpu")
@ExtendWith(RealDevice.class)
class LinearCudaDeviceTest extends LinearContract {
  private final LinearCudaProvider provider = new LinearCudaProvider();
  private LinearBench bench;

  @BeforeEach
  void open() {
    bench = new LinearCudaBenchProvider().open(device()).orElseThrow();
  }

  @AfterEach
  void close() {
    bench.close();
  }

  @Override
  protected LinearProvider provider() {
    return provider;
  }

  @Override
  protected Device device() {
    return Device.cuda(0);
  }

  @Override
  protected Tensor there(Tensor host) {
    return bench.copyOf(host);
  }

  @Override
  protected void fetch(Tensor there, Tensor host) {
    bench.copyTo(there, host);
  }

  @Test
  void whereEnergyIsCountedTheCounterMovesWithinTwoSeconds() {
    OptionalDouble before = bench.joules();
    assumeTrue(before.isPresent(), "NVML or JavaCPP's preset is not there, or counts no energy");
    Tensor host = LayerCase.empty(DType.F32, 1 << 20);
    Tensor there = bench.copyOf(host);
    long end = System.nanoTime() + 2_000_000_000L;
    while (bench.joules().equals(before) && System.nanoTime() < end) {
      bench.copyTo(there, host);
    }
    assertThat(bench.joules().orElseThrow()).isGreaterThan(before.getAsDouble());
  }
}
