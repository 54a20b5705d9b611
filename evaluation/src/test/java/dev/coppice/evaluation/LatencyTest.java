package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.coppice.InvalidPlanException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Test;

class LatencyTest {
  /** A clock that only runs move on. */
  private static final class Clock {
    private long nanos;
    private final StringBuilder runs = new StringBuilder();

    Race.Run<RuntimeException> run(char name, long takes) {
      return () -> {
        nanos += takes;
        runs.append(name);
      };
    }
  }

  @Test
  void modelsTakeTurnsAndNowOneNowTheOtherBegins() {
    Clock clock = new Clock();
    Race race = new Race(() -> clock.nanos, 1, 2, 4, 1e9);
    Latency latency = race.between(clock.run('d', 20_000_000), clock.run('s', 5_000_000), 2);
    assertThat(clock.runs).hasToString("dsdssddssd");
    assertThat(latency.pairs()).isEqualTo(4);
    assertThat(latency.dense().median()).isCloseTo(0.02, within(1e-9));
    assertThat(latency.small()).isEqualTo(new Latency.Spread(0.005, 0.005, 0.005));
    assertThat(latency.ratio()).isCloseTo(0.25, within(1e-9));
  }

  @Test
  void whenTimeIsUpNoFurtherPairBeginsButTheFewestAreTimedInAnyCase() {
    Clock slow = new Clock();
    Race race = new Race(() -> slow.nanos, 0, 3, 100, 0.5);
    assertThat(race.between(slow.run('d', 900_000_000), slow.run('s', 900_000_000), 1).pairs())
        .isEqualTo(3);
    Clock fast = new Clock();
    Race many = new Race(() -> fast.nanos, 0, 3, 100, 0.5);
    assertThat(many.between(fast.run('d', 60_000_000), fast.run('s', 40_000_000), 1).pairs())
        .isEqualTo(5);
  }

  @Test
  void theRatioIsThatOfPairsAndTheSpreadTheMiddleHalf() {
    // A machine that became twice as slow halfway: medians of both move, their ratio does not.
    Latency latency =
        Latency.of(new double[] {1, 1, 2, 2, 2}, new double[] {0.6, 0.6, 1.2, 1.2, 1.2}, 2);
    assertThat(latency.ratio()).isCloseTo(0.6, within(1e-12));
    assertThat(Latency.Spread.of(new double[] {4, 1, 3, 2, 5}))
        .isEqualTo(new Latency.Spread(3, 2, 4));
    assertThat(Latency.Spread.of(new double[] {1, 2}))
        .isEqualTo(new Latency.Spread(1.5, 1.25, 1.75));
  }

  /** Models whose time is a function of their multiplications; below a share there are none. */
  private static final class Models implements LatencySearch.Trial {
    private final double least;
    private final DoubleUnaryOperator glanced;
    private final DoubleUnaryOperator measured;
    private final List<Double> made = new ArrayList<>();

    Models(double least, DoubleUnaryOperator glanced, DoubleUnaryOperator measured) {
      this.least = least;
      this.glanced = glanced;
      this.measured = measured;
    }

    @Override
    public OptionalDouble glance(double macs) {
      if (macs < least) {
        return OptionalDouble.empty();
      }
      made.add(macs);
      return OptionalDouble.of(glanced.applyAsDouble(macs));
    }

    @Override
    public double measure(double macs) {
      assertThat(made).contains(macs);
      return measured.applyAsDouble(macs);
    }
  }

  @Test
  void theLargestModelWithinTheTargetIsFound() {
    DoubleUnaryOperator time = macs -> 0.2 + 0.8 * macs;
    for (double target : new double[] {0.3, 0.5, 0.75, 1}) {
      Models models = new Models(0.05, time, time);
      LatencySearch.Found found = LatencySearch.search(target, models);
      assertThat(found.ratio()).isLessThanOrEqualTo(target).isGreaterThan(target - 0.03);
      assertThat(found.ratio()).isEqualTo(time.applyAsDouble(found.macs()));
      assertThat(models.made).hasSizeLessThanOrEqualTo(8);
    }
  }

  @Test
  void whatIsSlowerWhenTimedAgainGivesWayToASmallerModel() {
    Models models = new Models(0.05, macs -> macs, macs -> macs + 0.1);
    LatencySearch.Found found = LatencySearch.search(0.5, models);
    assertThat(found.macs()).isLessThanOrEqualTo(0.4);
    assertThat(found.ratio()).isLessThanOrEqualTo(0.5).isEqualTo(found.macs() + 0.1);
  }

  @Test
  void aTargetOutOfReachIsRefusedWithTheFastest() {
    assertThatThrownBy(
            () -> LatencySearch.search(0.25, new Models(0.1, m -> 0.3 + m, m -> 0.3 + m)))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageMatching(
            "latency=0\\.25 cannot be reached: the fastest of \\d .* took 0\\.4\\d\\d .*");
    assertThatThrownBy(() -> LatencySearch.search(0.5, new Models(2, m -> m, m -> m)))
        .hasMessageContaining("nothing can be removed");
  }
}
