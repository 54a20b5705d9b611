package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class WindowTest {
  @ParameterizedTest
  @CsvSource({"0, 0, 1", "4294967295, 31, 65536"})
  void theWholeRangeOf32BitKeysIsAllowed(long base, int shift, int bins) {
    assertThatCode(() -> new Window(base, shift, bins)).doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource({"-1, 0, 1", "4294967296, 0, 1", "0, -1, 1", "0, 32, 1", "0, 0, 0", "0, 0, 65537"})
  void whatIsNoWindowIsRefused(long base, int shift, int bins) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Window(base, shift, bins))
        .withMessage("not a window: base %d, shift %d, bins %d", base, shift, bins);
  }

  @Test
  void theEndLiesBehindTheLastBin() {
    assertThat(new Window(5, 3, 2).end()).isEqualTo(21);
    assertThat(new Window(0xFFFF_FFFFL, 31, 65_536).end()).isEqualTo(0xFFFF_FFFFL + (1L << 47));
  }
}
