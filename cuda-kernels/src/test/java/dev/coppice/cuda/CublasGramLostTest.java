package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.DeviceLostException;
import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramSums;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Alone in its process: a lost device stays lost. */
@ExtendWith(EmulatedDriver.class)
class CublasGramLostTest {
  private static final int ILLEGAL_ADDRESS = 700;

  @Test
  void aDeviceThatIsLostWhileItAddsUpIsReportedWhenSumsAreReadAndClosedWithoutACall() {
    CublasGram provider = new CublasGram(CublasLinear.through(CublasBinding.JCUBLAS));
    long calls;
    try (GramBackend backend = provider.open();
        GramSums sums = backend.begin(2, 3)) {
      sums.add(new double[2][3], 2);
      EmulatedDriver.fail("cublasGemmEx@run", 1, ILLEGAL_ADDRESS);
      assertThatThrownBy(sums::read)
          .isInstanceOf(DeviceLostException.class)
          .hasMessageContaining("CUDA_ERROR_ILLEGAL_ADDRESS; the device cannot be used any more");
      calls = EmulatedDriver.calls("*");
    }
    assertThat(EmulatedDriver.calls("*")).isEqualTo(calls);
    assertThat(provider.availability().toString()).contains("CUDA_ERROR_ILLEGAL_ADDRESS");
  }
}
