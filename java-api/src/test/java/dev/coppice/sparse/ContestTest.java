package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.coppice.sparse.Contest.Entry;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ContestTest {
  private static Entry dense(double... samples) {
    return new Entry(true, samples);
  }

  private static Entry sparse(double... samples) {
    return new Entry(false, samples);
  }

  @Test
  void theFastestDenseProductIsWhatOthersAreMeasuredBy() {
    Entry slow = dense(4, 4, 4);
    Entry fast = dense(2, 2, 2);
    Entry sparse = sparse(1, 1, 1);
    Contest contest = new Contest(List.of(slow, fast, sparse));
    assertThat(contest.speedup(sparse)).isEqualTo(2);
    assertThat(contest.speedup(fast)).isEqualTo(1);
    assertThat(contest.speedup(slow)).isEqualTo(0.5);
    assertThat(contest.winner()).isSameAs(sparse);
  }

  @Test
  void aGainWithinTheMarginIsNone() {
    Entry dense = dense(1, 1, 1, 1);
    Entry sparse = sparse(0.99, 0.99, 0.99, 0.99);
    assertThat(new Contest(List.of(dense, sparse)).winner()).isSameAs(dense);
  }

  @Test
  void whatIsFasterInTwoOfThreeTurnsAloneIsNotChosen() {
    Entry dense = dense(1, 1, 1, 1, 1, 1);
    Entry lucky = sparse(0.5, 0.5, 0.5, 0.5, 1.2, 1.2);
    assertThat(lucky.median()).isEqualTo(0.5);
    assertThat(new Contest(List.of(dense, lucky)).winner()).isSameAs(dense);
  }

  @Test
  void aSlowSpellThatHitsAllOfATurnHidesNoGain() {
    Entry dense = dense(1, 9, 1, 5, 1);
    Entry sparse = sparse(0.8, 7.2, 0.8, 4, 0.8);
    Contest contest = new Contest(List.of(dense, sparse));
    assertThat(contest.winner()).isSameAs(sparse);
    assertThat(contest.speedup(sparse)).isCloseTo(1.25, within(1e-9));
  }

  @Test
  void aDenseProductThatABusyMachineHoldsUpInAlmostAllTurnsIsNotTakenForSlow() {
    Entry dense = dense(9, 8, 9, 0.5, 9, 8, 9);
    Entry sparse = sparse(2, 2, 2, 2, 2, 2, 2);
    Contest contest = new Contest(List.of(dense, sparse));
    assertThat(contest.speedup(sparse)).isGreaterThan(4);
    assertThat(contest.winner()).isSameAs(dense);
  }

  @Test
  void equalProductsUnderNoiseAreSeldomTakenForFaster() {
    Random random = new Random(1);
    int taken = 0;
    for (int i = 0; i < 2000; i++) {
      double[] a = random.doubles(15).map(d -> 1 + 0.05 * d).toArray();
      double[] b = random.doubles(15).map(d -> 1 + 0.05 * d).toArray();
      Entry sparse = sparse(b);
      taken += new Contest(List.of(dense(a), sparse)).winner() == sparse ? 1 : 0;
    }
    assertThat(taken).isLessThan(10);
  }

  @Test
  void whatWasSampledLessOftenIsComparedTurnByTurn() {
    Entry dense = dense(1, 2, 3, 50, 60);
    Entry slow = sparse(2, 4, 6);
    assertThat(new Contest(List.of(dense, slow)).speedup(slow)).isEqualTo(0.5);
  }

  @Test
  void quantilesLieBetweenTheValues() {
    double[] values = {4, 1, 3, 2};
    assertThat(Contest.quantile(values, 0)).isEqualTo(1);
    assertThat(Contest.quantile(values, 0.25)).isEqualTo(1.75);
    assertThat(Contest.quantile(values, 0.5)).isEqualTo(2.5);
    assertThat(Contest.quantile(values, 1)).isEqualTo(4);
    assertThat(Contest.quantile(new double[] {7}, 0.25)).isEqualTo(7);
    assertThat(dense(1, 2, 3, 4, 5).spread()).isEqualTo(2);
    assertThat(Arrays.toString(values)).isEqualTo("[4.0, 1.0, 3.0, 2.0]");
  }
}
