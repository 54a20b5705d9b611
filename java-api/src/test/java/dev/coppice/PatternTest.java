package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class PatternTest {
  private static final Amount HALF = new Amount.Fraction(0.5);

  @ParameterizedTest
  @CsvSource({"2, 4, 0.5", "1, 4, 0.75", "3, 4, 0.25", "1, 2, 0.5", "31, 32, 0.03125"})
  void nOfMImpliesItsSparsity(int n, int m, double sparsity) {
    assertThat(new Pattern.NofM(n, m).sparsity()).isEqualTo(sparsity);
  }

  @ParameterizedTest
  @CsvSource({"0, 4", "4, 4", "5, 4", "-1, 4", "1, 33", "1, 1", "0, 0"})
  void whatIsNoNofMPatternIsRefused(int n, int m) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Pattern.NofM(n, m))
        .withMessageEndingWith("1 <= N < M <= 32, not %d:%d", n, m);
  }

  @ParameterizedTest
  @ValueSource(doubles = {-0.1, 1.1, Double.NaN})
  void aCapOutsideZeroToOneIsRefused(double cap) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Pattern.Unstructured(Scope.GLOBAL, HALF, OptionalDouble.of(cap)))
        .withMessage("max_per_tensor must be in [0, 1], not " + cap);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "GLOBAL")
  void aCapGoesWithGlobalScopeOnly(Scope scope) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Pattern.Unstructured(scope, HALF, OptionalDouble.of(0.9)))
        .withMessageContaining("scope global only");
    assertThatCode(() -> new Pattern.Unstructured(scope, HALF)).doesNotThrowAnyException();
  }

  @Test
  void aCapMayBeAnyShareUnderGlobalScope() {
    for (double cap : new double[] {0, 0.5, 1}) {
      Pattern.Unstructured pattern =
          new Pattern.Unstructured(Scope.GLOBAL, HALF, OptionalDouble.of(cap));
      assertThat(pattern.maxPerTensor()).hasValue(cap);
    }
  }

  @Test
  void axesBelowZeroAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> new Axes(-1, 0));
    assertThatIllegalArgumentException().isThrownBy(() -> new Axes(0, -1));
  }
}
