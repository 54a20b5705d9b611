package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.DType;
import dev.coppice.DeviceLostException;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.LinearOperator;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Alone in its process: a lost device stays lost. */
@ExtendWith(EmulatedDriver.class)
class LibraryLostTest {
  private static final int ILLEGAL_ADDRESS = 700;

  @Test
  void aDeviceThatIsLostInALibraryIsReportedAsLostAndClosedWithoutACall() {
    CublasLinear provider = CublasLinear.through(CublasBinding.JCUBLAS);
    Tensor weights = LayerCase.empty(DType.F32, 8, 8);
    LinearWeights held = LinearWeights.compress(Format.DENSE, weights);
    DeviceArrays arrays = new DeviceArrays();
    Tensor x = LibraryContract.onDevice(arrays, weights);
    Tensor y = LibraryContract.onDevice(arrays, weights);
    try (LinearOperator operator = provider.prepare(held, Optional.empty(), Device.cuda(0), 8)) {
      EmulatedDriver.fail("cublasGemmEx", 1, ILLEGAL_ADDRESS);
      assertThatThrownBy(() -> operator.apply(x, y, OptionalLong.empty()))
          .isInstanceOf(DeviceLostException.class)
          .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS; the device cannot be used any more");
    }
    assertThat(provider.availability(Device.cuda(0)).toString())
        .startsWith("Unusable[reason=")
        .contains("CUDA_ERROR_ILLEGAL_ADDRESS");
  }
}
