package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.coppice.BackendUnavailableException;
import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearBenchProvider;
import dev.coppice.spi.LinearOperator;
import java.util.Optional;
import java.util.Random;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(EmulatedDriver.class)
class LinearCudaBenchTest {
  private static LinearBench open() {
    return ServiceLoader.load(LinearBenchProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(LinearCudaBenchProvider.class::isInstance)
        .flatMap(p -> p.open(Device.cuda(0)).stream())
        .findFirst()
        .orElseThrow();
  }

  @Test
  void tensorsComeBackAsTheyWent() {
    Random random = new Random(1);
    try (LinearBench bench = open()) {
      Tensor direct = LayerCase.numbers(random, DType.F16, 3, 1000);
      Tensor heap = Tensor.of(new float[] {1, -0f, Float.NaN}, 3);
      for (Tensor host : new Tensor[] {direct, heap}) {
        Tensor there = bench.copyOf(host);
        assertThat(there.onDevice()).isPresent();
        assertThat(there.shape()).isEqualTo(host.shape());
        Tensor back = LayerCase.empty(host.dtype(), host.shape().toArray());
        bench.copyTo(there, back);
        assertThat(LayerCase.bytes(back)).isEqualTo(LayerCase.bytes(host));
      }
      Tensor array = Tensor.of(new float[3], 3);
      bench.copyTo(bench.copyOf(heap), array);
      assertThat(LayerCase.bytes(array)).isEqualTo(LayerCase.bytes(heap));
    }
  }

  @Test
  void whatIsMeasuredGoesIntoItsStream() {
    LinearWeights weights =
        LinearWeights.compress(
            Format.TWO_FOUR, LayerCase.twoFour(new Random(2), DType.BF16, 64, 64));
    try (LinearBench bench = open();
        LinearOperator product =
            new LinearCudaProvider().prepare(weights, Optional.empty(), Device.cuda(0), 2)) {
      Tensor x = bench.copyOf(LayerCase.numbers(new Random(3), DType.BF16, 2, 64));
      Tensor y = bench.copyOf(LayerCase.empty(DType.BF16, 2, 64));
      long ran = EmulatedDriver.calls("cuLaunchKernel@run");
      double seconds = bench.seconds(() -> product.apply(x, y, bench.stream()));
      assertThat(seconds).isPositive();
      assertThat(EmulatedDriver.calls("cuLaunchKernel@run")).isEqualTo(ran + 1);
      assertThat(EmulatedDriver.calls("cuModuleLoadData")).as("devices opened").isEqualTo(1);
    }
  }

  @Test
  void theDeviceIsDescribed() {
    try (LinearBench bench = open()) {
      assertThat(bench.description()).contains("compute capability 9.0").contains("CUDA 13");
      assertThat(bench.cacheBytes()).isPositive();
      assertThat(bench.freeBytes()).isPositive();
    }
    assertThat(new LinearCudaBenchProvider().open(Device.cpu(1))).isEmpty();
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> new LinearCudaBenchProvider().open(Device.cuda(5)))
        .withMessageContaining("no CUDA device 5");
  }
}
