package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.coppice.spi.GoldenVectors;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AmountTest {
  @Test
  void aShareIsRoundedAsTorchDoes() {
    List<List<String>> rows = GoldenVectors.read("rounding.txt");
    assertThat(rows).hasSizeGreaterThan(400);
    for (List<String> row : rows) {
      Amount share = new Amount.Fraction(Double.parseDouble(row.get(0)));
      assertThat(share.of(Long.parseLong(row.get(1))))
          .as("%s", row)
          .isEqualTo(Long.parseLong(row.get(2)));
    }
  }

  @ParameterizedTest
  @ValueSource(
      doubles = {
        -0.1,
        -Double.MIN_VALUE,
        1.0000000000000002,
        50,
        Double.NaN,
        Double.POSITIVE_INFINITY
      })
  void aShareOutsideZeroToOneIsRefused(double value) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Amount.Fraction(value))
        .withMessage("sparsity must be in [0, 1], not " + value);
  }

  @Test
  void aCountIsTakenAsItIs() {
    assertThat(new Amount.Count(0).of(0)).isZero();
    assertThat(new Amount.Count(7).of(7)).isEqualTo(7);
    assertThat(new Amount.Count(1L << 40).of(Long.MAX_VALUE)).isEqualTo(1L << 40);
  }

  @Test
  void aCountBelowZeroOrAboveTheScopeIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Amount.Count(-1))
        .withMessageContaining("not -1");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Amount.Count(8).of(7))
        .withMessage("a count of 8 exceeds the scope's 7 weights");
  }
}
