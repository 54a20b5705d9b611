package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.coppice.BackendUnavailableException;
import dev.coppice.Cancellation;
import dev.coppice.DType;
import dev.coppice.PruningCancelledException;
import dev.coppice.Tensor;
import dev.coppice.sparse.LinearPlan.Row;
import dev.coppice.sparse.Planner.Layer;
import dev.coppice.spi.LinearProvider;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlannerTest {
  private static final long ANY = Long.MAX_VALUE;

  private static Tensor weights(double sparsity) {
    return LayerCase.sparse(new Random(1), DType.F32, sparsity, 32, 64);
  }

  private static Layer layer(String name, Tensor weights) {
    return new Layer(name, () -> weights);
  }

  private static Optional<Row> row(LinearPlan plan, String provider, Format format, long batch) {
    return plan.rows().stream()
        .filter(r -> r.provider().equals(provider) && r.format() == format && r.batch() == batch)
        .findFirst();
  }

  private static LinearPlan plan(FakeBench bench, double sparsity, Long... batches)
      throws IOException {
    return bench
        .planner()
        .batches(List.of(batches))
        .build()
        .plan(List.of(layer("a", weights(sparsity))));
  }

  @Test
  void eachBatchTakesTheFormatThatIsFastestForIt() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("slow", ANY, (f, batch, n) -> 3e-3 * batch, Format.DENSE)
            .with("fast", ANY, (f, batch, n) -> 1e-3 * Math.max(1, batch / 8), Format.DENSE)
            .with("ours", ANY, (f, batch, n) -> 0.5e-3 * batch, Format.BITMAP);
    LinearPlan plan = plan(bench, 0.6, 1L, 8L);
    assertThat(plan.device()).isEqualTo("cpu:2");
    assertThat(plan.choice("a", 1).orElseThrow().provider()).isEqualTo("ours");
    assertThat(plan.choice("a", 8).orElseThrow().provider()).isEqualTo("fast");
    assertThat(row(plan, "ours", Format.BITMAP, 1).orElseThrow().speedup())
        .isCloseTo(2, within(1e-9));
    assertThat(row(plan, "slow", Format.DENSE, 1).orElseThrow().speedup())
        .isCloseTo(1 / 3.0, within(1e-9));
    assertThat(row(plan, "ours", Format.BITMAP, 8).orElseThrow().speedup())
        .isCloseTo(0.25, within(1e-9));
    assertThat(row(plan, "fast", Format.DENSE, 1).orElseThrow().seconds())
        .isCloseTo(1e-3, within(1e-12));
    assertThat(bench.openOperators).isZero();
    assertThat(bench.openBenches).isZero();
  }

  @Test
  void onlyFormatsThatMayPayAreTried() throws IOException {
    FakeBench bench = new FakeBench().with("all", ANY, (f, b, n) -> 1e-3, Format.values());
    assertThat(plan(bench, 0.1, 1L).rows()).extracting(Row::format).containsExactly(Format.DENSE);
    assertThat(plan(bench, 0.5, 1L).rows())
        .extracting(Row::format)
        .containsExactly(Format.DENSE, Format.BITMAP);
    assertThat(plan(bench, 0.9, 1L).rows())
        .extracting(Row::format)
        .containsExactly(Format.DENSE, Format.BITMAP, Format.CSR);
    Tensor fours = LayerCase.twoFour(new Random(2), DType.BF16, 16, 64);
    LinearPlan plan = bench.planner().build().plan(List.of(layer("f", fours)));
    assertThat(plan.rows()).extracting(Row::format).contains(Format.TWO_FOUR);
  }

  @Test
  void whatIsNoFasterThanTheNoiseIsLeftDense() throws IOException {
    Random random = new Random(3);
    FakeBench bench =
        new FakeBench()
            .with("blas", ANY, (f, b, n) -> 1e-2 * (1 + 0.2 * random.nextDouble()), Format.DENSE)
            .with("ours", ANY, (f, b, n) -> 1e-2 * (1 + 0.2 * random.nextDouble()), Format.BITMAP);
    for (int i = 0; i < 20; i++) {
      assertThat(plan(bench, 0.5, 1L).choice("a", 1).orElseThrow().format())
          .isEqualTo(Format.DENSE);
    }
  }

  @Test
  void plainJavaIsMeasuredOnlyWhereNothingElseHasTheFormat() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("reference", ANY, (f, b, n) -> 1e-3, Format.values())
            .with("blas", ANY, (f, b, n) -> 1e-2, Format.DENSE);
    LinearPlan plan = plan(bench, 0.6, 1L);
    assertThat(row(plan, "reference", Format.DENSE, 1)).isEmpty();
    assertThat(row(plan, "reference", Format.BITMAP, 1)).isPresent();
  }

  @Test
  void weightsTakeTurnsSoThatNoCacheHoldsThem() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("one", ANY, (f, b, n) -> 1e-4, Format.DENSE)
            .with("two", ANY, (f, b, n) -> 1e-4, Format.DENSE);
    bench.cacheBytes = 5 * 32 * 64 * 4;
    plan(bench, 0, 1L);
    assertThat(bench.read.get("one dense")).hasSize(10);
    bench.read.clear();
    bench.freeBytes = 6 * 4 * 32 * 64 * 4;
    plan(bench, 0, 1L);
    assertThat(bench.read.get("one dense")).hasSize(4);
    assertThat(bench.openOperators).isZero();
  }

  @Test
  void productsAreSampledInTurn() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("a", ANY, (f, b, n) -> 0.1, Format.DENSE)
            .with("b", ANY, (f, b, n) -> 0.1, Format.DENSE)
            .with("c", ANY, (f, b, n) -> 0.1, Format.DENSE);
    plan(bench, 0, 1L);
    List<String> samples = bench.events.stream().filter(e -> e.endsWith(" 1")).toList();
    List<String> turns = samples.subList(samples.size() - 9, samples.size());
    for (int i = 0; i < 9; i += 3) {
      assertThat(turns.subList(i, i + 3))
          .containsExactlyInAnyOrder("a dense 1", "b dense 1", "c dense 1");
    }
    assertThat(turns.get(0)).isNotEqualTo(turns.get(3));
  }

  @Test
  void aBatchThatWouldTakeTooLongIsMeasuredWithFewerRows() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("blas", ANY, (f, batch, n) -> 1e-3 * batch, Format.DENSE)
            .with("ours", ANY, (f, batch, n) -> 0.9e-3 * batch, Format.BITMAP)
            .with("snail", ANY, (f, batch, n) -> 2.0 * batch, Format.CSR);
    LinearPlan plan = plan(bench, 0.9, 1L, 4096L, 1_000_000_000L);
    List<Long> batches = plan.rows().stream().map(Row::batch).distinct().toList();
    assertThat(batches).startsWith(1L).hasSize(3).allMatch(batch -> batch <= 512);
    assertThat(plan.choice("a", 4096).orElseThrow().batch()).isEqualTo(batches.get(1));
    assertThat(bench.calls.keySet()).noneMatch(call -> call.endsWith("4096"));
    assertThat(row(plan, "snail", Format.CSR, batches.get(1))).isEmpty();
    assertThat(bench.now).isLessThan(2 * Planner.USUAL_SECONDS);
  }

  @Test
  void slowProductsGetNoMoreThanTheFirstTurns() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("blas", ANY, (f, b, n) -> 1e-2, Format.DENSE)
            .with("slow", ANY, (f, b, n) -> 0.1, Format.BITMAP);
    plan(bench, 0.6, 1L);
    assertThat(bench.calls.get("slow bitmap 1")).isLessThan(12);
    assertThat(bench.calls.get("blas dense 1")).isGreaterThan(35);
  }

  @Test
  void productsOfFewRowsAreLeftOutOfLargerBatches() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("blas", ANY, (f, b, n) -> 1e-3, Format.DENSE)
            .with("ours", 16, (f, b, n) -> 0.5e-3, Format.BITMAP);
    LinearPlan plan = plan(bench, 0.6, 1L, 16L, 17L);
    assertThat(row(plan, "ours", Format.BITMAP, 16)).isPresent();
    assertThat(row(plan, "ours", Format.BITMAP, 17)).isEmpty();
    assertThat(plan.choice("a", 16).orElseThrow().format()).isEqualTo(Format.BITMAP);
    assertThat(plan.choice("a", 17).orElseThrow().format()).isEqualTo(Format.DENSE);
  }

  @Test
  void energyIsOfOneProduct() throws IOException {
    FakeBench bench = new FakeBench().with("blas", ANY, (f, b, n) -> 1e-3, Format.DENSE);
    assertThat(plan(bench, 0, 1L).rows().get(0).joules()).isEmpty();
    bench.countsEnergy = true;
    assertThat(plan(bench, 0, 1L).rows().get(0).joules().orElseThrow())
        .isCloseTo(FakeBench.WATTS * 1e-3, within(1e-9));
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.001, 0.02, 0.1, 0.35})
  void energyIsRightWhereItsCounterMovesInSteps(double step) throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("blas", ANY, (f, b, n) -> 1.3e-3, Format.DENSE)
            .with("slow", ANY, (f, b, n) -> 0.11, Format.BITMAP);
    bench.countsEnergy = true;
    bench.energyStep = step;
    LinearPlan plan = plan(bench, 0.6, 1L);
    assertThat(row(plan, "blas", Format.DENSE, 1).orElseThrow().joules().orElseThrow())
        .isCloseTo(FakeBench.WATTS * 1.3e-3, withinPercentage(2));
    assertThat(row(plan, "slow", Format.BITMAP, 1).orElseThrow().joules().orElseThrow())
        .isCloseTo(FakeBench.WATTS * 0.11, withinPercentage(25));
  }

  @Test
  void energyIsAbsentWhereItsCounterStandsStill() throws IOException {
    FakeBench bench = new FakeBench().with("blas", ANY, (f, b, n) -> 1e-3, Format.DENSE);
    bench.countsEnergy = true;
    bench.energyStep = 1e9;
    assertThat(plan(bench, 0, 1L).rows().get(0).joules()).isEmpty();
    assertThat(bench.now).isLessThan(2 * Planner.USUAL_SECONDS);
  }

  @Test
  void equalLayersOfAModelAreMeasuredOnceAndOneByOneTheirWeightsAreLoaded() throws IOException {
    FakeBench bench = new FakeBench().with("blas", ANY, (f, b, n) -> 0.02 * b, Format.DENSE);
    List<Layer> layers = new ArrayList<>();
    int[] loads = new int[1];
    for (int i = 0; i < 224; i++) {
      int kind = i % 7;
      layers.add(
          new Layer(
              "layer." + i,
              () -> {
                loads[0]++;
                return LayerCase.sparse(new Random(5), DType.F32, 0.1, 16 + kind, 64);
              }));
    }
    List<String> heard = new ArrayList<>();
    LinearPlan plan =
        bench
            .planner()
            .listener((phase, done, total) -> heard.add(phase + " " + done + "/" + total))
            .build()
            .plan(layers);
    assertThat(plan.layers()).hasSize(224);
    assertThat(loads[0]).isEqualTo(224 + 7);
    assertThat(bench.events.stream().filter(e -> e.startsWith("prepare")).distinct()).hasSize(1);
    assertThat(bench.now).isLessThan(60);
    assertThat(heard).contains("read 0/224", "measure 21/21").doesNotContain("measure 22/21");
  }

  @Test
  void whatWasKeptIsNotMeasuredAgain() throws IOException {
    Map<String, LinearPlan> kept = new HashMap<>();
    Planner.Cache cache =
        new Planner.Cache() {
          @Override
          public Optional<LinearPlan> find(String what) {
            return Optional.ofNullable(kept.get(what));
          }

          @Override
          public void keep(String what, LinearPlan plan) {
            kept.put(what, plan);
          }
        };
    FakeBench bench = new FakeBench().with("blas", ANY, (f, b, n) -> 1e-3, Format.DENSE);
    Planner planner = bench.planner().cache(cache).build();
    LinearPlan first = planner.plan(List.of(layer("a", weights(0))));
    int calls = bench.events.size();
    LinearPlan again = planner.plan(List.of(layer("b", weights(0)), layer("c", weights(0.001))));
    assertThat(bench.events).hasSize(calls);
    assertThat(again.layers()).containsExactly("b", "c");
    assertThat(again.only("b").rows().get(0).seconds()).isEqualTo(first.rows().get(0).seconds());
    assertThat(again.only("c").rows().get(0).sparsity()).isBetween(1e-9, 0.005);
    bench.description = "another abacus";
    planner.plan(List.of(layer("a", weights(0))));
    assertThat(bench.events.size()).isGreaterThan(calls);
  }

  @Test
  void whatIsOnTheClassPathIsMadeOnce() {
    List<LinearProvider> once = Products.of(Device.cpu(1)).having(Format.DENSE, DType.F32, 1);
    assertThat(once).isNotEmpty();
    assertThat(Products.of(Device.cpu(2)).having(Format.DENSE, DType.F32, 1)).isEqualTo(once);
  }

  @Test
  void theKeyNamesTheDeviceAndAllVersions() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("blas", ANY, (f, b, n) -> 1e-3, Format.DENSE)
            .with("away", 0, (f, b, n) -> 1e-3, Format.DENSE);
    assertThat(plan(bench, 0, 1L).key())
        .matches("an abacus; coppice [0-9]+[.][0-9]+[^;$]*; blas wood, beads 3");
  }

  @Test
  void theKeyNamesPlainJavaOnlyWhereNothingElseHasAFormat() throws IOException {
    FakeBench bench =
        new FakeBench()
            .with("reference", ANY, (f, b, n) -> 1e-3, Format.values())
            .with("blas", ANY, (f, b, n) -> 1e-3, Format.DENSE);
    assertThat(plan(bench, 0, 1L).key()).contains("; blas ", "; reference ");
    bench.with("all", ANY, (f, b, n) -> 1e-3, Format.values());
    assertThat(plan(bench, 0, 1L).key()).contains("; blas ").doesNotContain("reference");
  }

  @Test
  void nothingToComputeWithIsSaidWithTheReasons() {
    FakeBench bench =
        new FakeBench()
            .with("away", 0, (f, b, n) -> 1e-3, Format.DENSE)
            .with("ours", ANY, (f, b, n) -> 1e-3, Format.BITMAP);
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> plan(bench, 0.5, 1L))
        .withMessage(
            "nothing on the class path computes dense products of F32 with 1 rows on cpu:2"
                + " (away: its beads are lost)");
    assertThat(bench.openOperators).isZero();
    assertThat(bench.openBenches).isZero();
  }

  @Test
  void cancellationEndsItAndFreesAll() {
    Cancellation cancellation = new Cancellation();
    FakeBench bench =
        new FakeBench()
            .with(
                "blas",
                ANY,
                (f, b, n) -> {
                  if (n == 5) {
                    cancellation.cancel();
                  }
                  return 0.1;
                },
                Format.DENSE);
    assertThatExceptionOfType(PruningCancelledException.class)
        .isThrownBy(
            () ->
                bench
                    .planner()
                    .cancellation(cancellation)
                    .build()
                    .plan(List.of(layer("a", weights(0)))));
    assertThat(bench.calls.get("blas dense 1")).isEqualTo(5);
    assertThat(bench.openOperators).isZero();
    assertThat(bench.openBenches).isZero();
  }

  @Test
  void namesThatComeTwiceAndBatchesOfNothingAreRefused() {
    FakeBench bench = new FakeBench().with("blas", ANY, (f, b, n) -> 1e-3, Format.DENSE);
    Layer layer = layer("a", weights(0));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> bench.planner().build().plan(List.of(layer, layer)))
        .withMessage("two layers are called \"a\"");
    assertThatIllegalArgumentException().isThrownBy(() -> bench.planner().batches(List.of()));
    assertThatIllegalArgumentException().isThrownBy(() -> bench.planner().batches(List.of(0L)));
    assertThatIllegalArgumentException().isThrownBy(() -> bench.planner().seconds(Double.NaN));
  }

  @Test
  void theProcessorOfThisMachineIsMeasuredForReal() throws IOException {
    Tensor weights = weights(0.7);
    LinearPlan plan =
        Planner.on(Device.cpu(1))
            .batches(List.of(1L, 3L))
            .seconds(0.2)
            .build()
            .plan(List.of(layer("a", weights)));
    assertThat(plan.key()).contains("1 of", "reference Java");
    assertThat(plan.rows()).extracting(Row::batch).contains(1L);
    assertThat(plan.rows()).allMatch(r -> r.seconds() > 0 && r.spread() >= 0 && r.speedup() > 0);
    assertThat(plan.choice("a", 1)).isPresent();
  }
}
