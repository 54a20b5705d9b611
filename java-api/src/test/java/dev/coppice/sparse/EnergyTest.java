package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.sparse.LinearPlan.Row;
import java.io.IOException;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** How long energy is measured, and of which products. */
class EnergyTest {
  private final FakeBench bench = new FakeBench();

  private LinearPlan plan(double seconds) throws IOException {
    for (int i = 0; i < 8; i++) {
      double each = 2e-3 - i * 1e-5;
      bench.with("dense " + i, Long.MAX_VALUE, (f, b, n) -> each, Format.DENSE);
    }
    bench.with("ours", Long.MAX_VALUE, (f, b, n) -> 1e-3, Format.BITMAP);
    return bench
        .planner()
        .batches(List.of(1L, 8L))
        .seconds(seconds)
        .build()
        .plan(
            List.of(
                new Planner.Layer(
                    "a", () -> LayerCase.sparse(new Random(1), DType.F32, 0.6, 32, 64))));
  }

  @Test
  void aCounterThatStandsStillIsWaitedForOnce() throws IOException {
    plan(1);
    double without = bench.now;
    bench.now = 0;
    bench.providers.clear();
    bench.countsEnergy = true;
    bench.energyStep = 1e9;
    assertThat(plan(1).rows()).allMatch(row -> row.joules().isEmpty());
    assertThat(bench.now - without).isBetween(0.4, 0.45);
  }

  @Test
  void whatDecidesIsAlwaysCountedAndOthersWhileThereIsTime() throws IOException {
    bench.countsEnergy = true;
    bench.energyStep = 0.1;
    assertThat(plan(30).rows()).allMatch(row -> row.joules().isPresent());
    bench.providers.clear();
    bench.now = 0;
    LinearPlan brief = plan(0.6);
    for (long batch : new long[] {1, 8}) {
      List<Row> rows = brief.rows().stream().filter(row -> row.batch() == batch).toList();
      assertThat(rows)
          .filteredOn(row -> row.joules().isPresent())
          .extracting(Row::provider)
          .contains("dense 7", "ours")
          .hasSizeBetween(2, 6);
    }
  }
}
