package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.coppice.DType;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearContract;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.ServiceLoader;
import jcuda.driver.CUdeviceptr;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Operands lie on the device, in memory of another framework's. */
@ExtendWith(EmulatedDriver.class)
class LinearCudaTest extends LinearContract {
  private final LinearCudaProvider provider = new LinearCudaProvider();
  private CallersDevice caller;

  @BeforeEach
  void beginAsAFramework() {
    caller = new CallersDevice(0);
  }

  @AfterEach
  void endAsAFramework() {
    caller.close();
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
    return there(host, 0);
  }

  /** Puts a tensor behind so many bytes of something else. */
  private Tensor there(Tensor host, int offset) {
    byte[] elements = LayerCase.bytes(host).array();
    byte[] bytes = new byte[offset + elements.length];
    System.arraycopy(elements, 0, bytes, offset, elements.length);
    return CudaTensors.of(
        host.dtype(), 0, caller.holding(bytes).withByteOffset(offset), host.shape().toArray());
  }

  @Override
  protected void fetch(Tensor there, Tensor host) {
    int count = (int) host.shape().elements() * host.dtype().bytes();
    long address = there.onDevice().orElseThrow().address();
    byte[] bytes = caller.read(new CUdeviceptr().withByteOffset(address), count);
    host.write(0, ByteBuffer.wrap(bytes));
  }

  /** A layer of which y is known: the reference backend's. */
  private record Layer(LinearWeights weights, Tensor bias, Tensor x, Tensor y) {
    static Layer of(Format format, DType dtype, int batch, int out, int in) {
      Random random = new Random(7);
      LinearWeights weights =
          LinearWeights.compress(format, LayerCase.weights(random, format, dtype, out, in));
      Tensor bias = LayerCase.numbers(random, dtype, out);
      Tensor x = LayerCase.numbers(random, dtype, batch, in);
      Tensor y = LayerCase.empty(dtype, batch, out);
      LinearProvider reference =
          ServiceLoader.load(LinearProvider.class).stream()
              .map(ServiceLoader.Provider::get)
              .filter(p -> p.name().equals("reference"))
              .findFirst()
              .orElseThrow();
      try (LinearOperator product =
          reference.prepare(weights, Optional.of(bias), Device.cpu(1), batch)) {
        product.apply(x, y, OptionalLong.empty());
      }
      return new Layer(weights, bias, x, y);
    }

    void assertIs(Tensor found) {
      double[] expected = LayerCase.values(y);
      double[] values = LayerCase.values(found);
      for (int i = 0; i < values.length; i++) {
        assertThat(Math.abs(values[i] - expected[i]))
            .isLessThan(0.02 * Math.abs(expected[i]) + 0.1);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"TWO_FOUR, BF16, 3", "TWO_FOUR, F16, 40", "BITMAP, F32, 1", "BITMAP, BF16, 7"})
  void workGoesIntoTheCallersStreamAndIsNotWaitedFor(Format format, DType dtype, int batch) {
    Layer layer = Layer.of(format, dtype, batch, 50, 128);
    Tensor y = there(LayerCase.empty(dtype, batch, 50));
    Tensor x = there(layer.x);
    try (LinearOperator product =
        provider.prepare(layer.weights, Optional.of(there(layer.bias)), device(), batch)) {
      long ran = EmulatedDriver.calls("cuLaunchKernel@run");
      long synchronised = EmulatedDriver.calls("cuStreamSynchronize");
      product.apply(x, y, OptionalLong.of(caller.streamHandle()));
      assertThat(EmulatedDriver.calls("cuLaunchKernel@run")).isEqualTo(ran);
      assertThat(EmulatedDriver.calls("cuStreamSynchronize")).isEqualTo(synchronised);
      caller.awaitStream();
      assertThat(EmulatedDriver.calls("cuLaunchKernel@run")).isEqualTo(ran + 1);
      Tensor found = LayerCase.empty(dtype, batch, 50);
      fetch(y, found);
      layer.assertIs(found);
      assertThat(caller.isCurrent()).isTrue();
    }
  }

  @ParameterizedTest
  @CsvSource({"TWO_FOUR, BF16, 5, 64", "TWO_FOUR, F16, 20, 60", "BITMAP, F32, 3, 64"})
  void operandsNeedNoMoreThanTheirTypesAlignment(Format format, DType dtype, int batch, int in) {
    Layer layer = Layer.of(format, dtype, batch, 33, in);
    Tensor y = there(LayerCase.empty(dtype, batch, 33), 3 * dtype.bytes());
    try (LinearOperator product =
        provider.prepare(layer.weights, Optional.of(layer.bias), device(), batch)) {
      for (int offset = 0; offset < 3; offset++) {
        Tensor x = there(layer.x, offset * dtype.bytes());
        product.apply(
            x, y, offset == 1 ? OptionalLong.of(caller.streamHandle()) : OptionalLong.empty());
        Tensor found = LayerCase.empty(dtype, batch, 33);
        fetch(y, found);
        layer.assertIs(found);
      }
    }
  }

  @Test
  void anOperatorThatIsClosedHasWaitedForTheCallersStream() {
    Layer layer = Layer.of(Format.TWO_FOUR, DType.BF16, 2, 40, 64);
    Tensor y = there(LayerCase.empty(DType.BF16, 2, 40));
    Tensor x = there(layer.x);
    long ran = EmulatedDriver.calls("cuLaunchKernel@run");
    try (LinearOperator product =
        provider.prepare(layer.weights, Optional.of(layer.bias), device(), 2)) {
      product.apply(x, y, OptionalLong.of(caller.streamHandle()));
    }
    assertThat(EmulatedDriver.calls("cuLaunchKernel@run")).isEqualTo(ran + 1);
  }

  @Test
  void aDeviceOfLittleSharedMemoryTakesSmallTiles() {
    for (int bytes : new int[] {232448, 101376}) {
      EmulatedDriver.setSharedMemory(bytes);
      Layer layer = Layer.of(Format.TWO_FOUR, DType.BF16, 80, 33, 64);
      Tensor y = there(LayerCase.empty(DType.BF16, 80, 33));
      long wide = EmulatedDriver.launches("coppice_two_four_matmul_bf16_wide");
      long narrow = EmulatedDriver.launches("coppice_two_four_matmul_bf16_narrow");
      try (LinearOperator product =
          provider.prepare(layer.weights, Optional.of(layer.bias), device(), 80)) {
        product.apply(there(layer.x), y, OptionalLong.empty());
      }
      boolean little = bytes == 101376;
      assertThat(EmulatedDriver.launches("coppice_two_four_matmul_bf16_wide") - wide)
          .isEqualTo(little ? 0 : 1);
      assertThat(EmulatedDriver.launches("coppice_two_four_matmul_bf16_narrow") - narrow)
          .isEqualTo(little ? 1 : 0);
      Tensor found = LayerCase.empty(DType.BF16, 80, 33);
      fetch(y, found);
      layer.assertIs(found);
    }
  }

  @Test
  void operatorsShareTheirDevice() {
    Layer layer = Layer.of(Format.BITMAP, DType.F16, 1, 8, 40);
    try (LinearOperator one = provider.prepare(layer.weights, Optional.empty(), device(), 1);
        LinearOperator two = provider.prepare(layer.weights, Optional.empty(), device(), 1)) {
      assertThat(EmulatedDriver.calls("cuModuleLoadData")).isEqualTo(1);
      assertThat(one.bytes()).isEqualTo(two.bytes());
    }
  }

  @Test
  void bitmapsArePreparedForAsManyRowsAsTheirKernelsTake() {
    Layer layer = Layer.of(Format.BITMAP, DType.F32, 17, 8, 40);
    try (LinearOperator product =
        provider.prepare(layer.weights, Optional.of(layer.bias), device(), Long.MAX_VALUE)) {
      Tensor x = there(layer.x);
      Tensor y = there(layer.y);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> product.apply(x, y, OptionalLong.empty()))
          .withMessage("the product was prepared for 16 rows of x at most, not 17");
    }
  }

  @Test
  void moreRowsThanMemoryCouldHoldAreRefused() {
    Layer layer = Layer.of(Format.TWO_FOUR, DType.BF16, 1, 8, 60);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> provider.prepare(layer.weights, Optional.empty(), device(), Long.MAX_VALUE))
        .withMessage("the CUDA kernels take 2^31 - 1 rows at most, not 9223372036854775807");
    try (LinearOperator product =
        provider.prepare(layer.weights, Optional.empty(), device(), Integer.MAX_VALUE)) {
      Tensor x = there(layer.x);
      Tensor y = there(layer.y);
      assertThatExceptionOfType(DeviceOutOfMemoryException.class)
          .isThrownBy(() -> product.apply(x, y, OptionalLong.empty()));
    }
  }

  @Test
  void whatCannotBeTakenIsRefused() {
    Layer layer = Layer.of(Format.BITMAP, DType.F32, 1, 8, 40);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> provider.prepare(layer.weights, Optional.empty(), Device.cpu(1), 1))
        .withMessage("the CUDA kernels have no product of bitmap weights of F32 on cpu:1");
    LinearWeights csr = LinearWeights.compress(Format.CSR, layer.weights.decompress());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> provider.prepare(csr, Optional.empty(), device(), 1))
        .withMessageContaining("no product of csr weights");
    Tensor y = there(layer.y);
    Tensor x = there(layer.x);
    LinearOperator product = provider.prepare(layer.weights, Optional.empty(), device(), 1);
    try (product) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> product.apply(layer.x, y, OptionalLong.empty()))
          .withMessage("x must lie on CUDA device 0, where the product runs");
      Tensor none = Tensor.ofDevice(DType.F32, 0, x.onDevice().orElseThrow().address(), x, 0, 40);
      product.apply(none, y, OptionalLong.empty());
      Tensor more = there(LayerCase.empty(DType.F32, 2, 40));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> product.apply(more, y, OptionalLong.empty()))
          .withMessage("the product was prepared for 1 rows of x at most, not 2");
    }
    assertThatIllegalStateException()
        .isThrownBy(() -> product.apply(x, y, OptionalLong.empty()))
        .withMessage("the product is used after it was closed");
  }

  @Test
  void otherDevicesAreUnusableAndSayWhy() {
    assertThat(provider.availability(Device.cpu(1)))
        .isEqualTo(new Availability.Unusable("the CUDA kernels run on a CUDA device alone"));
    assertThat(provider.availability(Device.cuda(3)))
        .isInstanceOfSatisfying(
            Availability.Unusable.class,
            u -> assertThat(u.reason()).startsWith("there is no CUDA device 3"));
    assertThat(provider.availability(device()))
        .isInstanceOfSatisfying(
            Availability.Usable.class,
            u ->
                assertThat(u.runsOn()).startsWith("emulated, no GPU").contains("supports CUDA 13"));
  }
}
