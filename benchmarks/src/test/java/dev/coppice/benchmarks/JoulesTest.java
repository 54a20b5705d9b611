package dev.coppice.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JoulesTest {
  private static final double WATTS = 700;

  /** Runs half a second of samples of 10 products of 50 us, by a counter that moves in steps. */
  private static OptionalDouble measured(double step) {
    double[] now = new double[1];
    Joules joules =
        new Joules(() -> OptionalDouble.of(WATTS * step * Math.floor((now[0] + 0.033) / step)));
    while (now[0] < 0.5) {
      now[0] += 10 * 50e-6;
      joules.ran(10, 10 * 50e-6);
    }
    return joules.ofOne();
  }

  @ParameterizedTest
  @ValueSource(doubles = {1e-3, 0.02, 0.1, 0.2})
  void theEnergyIsRightHoweverTheCounterMoves(double step) {
    assertThat(measured(step).orElseThrow()).isCloseTo(WATTS * 50e-6, withinPercentage(3));
  }

  @Test
  void whatMovesOnlyOnceSaysNothing() {
    assertThat(measured(0.4)).isEmpty();
    assertThat(measured(100)).isEmpty();
    Joules none = new Joules(OptionalDouble::empty);
    none.ran(1, 1);
    none.ran(1, 1);
    assertThat(none.ofOne()).isEmpty();
  }
}
