package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.BackendUnavailableException;
import dev.coppice.DType;
import dev.coppice.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SparseLinearTest {
  private static final long ANY = Long.MAX_VALUE;
  private static final Device CPU = Device.cpu(1);

  private final Random random = new Random(1);
  private final Tensor weights = LayerCase.sparse(random, DType.F32, 0.6, 24, 40);

  private Tensor x(long batch) {
    return LayerCase.numbers(random, DType.F32, batch, 40);
  }

  private static Tensor y(long batch) {
    return LayerCase.empty(DType.F32, batch, 24);
  }

  private static FakeBench twoFormats() {
    return new FakeBench()
        .with("blas", ANY, (f, b, n) -> 1e-3 * Math.max(1, b / 32.0), Format.DENSE)
        .with("ours", 16, (f, b, n) -> 0.5e-3 * b, Format.BITMAP);
  }

  private LinearPlan plan(FakeBench bench, Long... batches) throws IOException {
    return bench
        .planner()
        .batches(List.of(batches))
        .build()
        .plan(List.of(new Planner.Layer("a", () -> weights)));
  }

  private SparseLinear planned(FakeBench bench, LinearPlan plan, long mostBatch) {
    return SparseLinear.of(bench.products(), new Dense(weights), Optional.empty(), plan, mostBatch);
  }

  @Test
  void weightsInAnyFormatGiveTheDenseProduct() {
    Tensor bias = LayerCase.numbers(random, DType.F32, 24);
    Tensor x = x(3);
    double[] w = LayerCase.values(weights);
    double[] inputs = LayerCase.values(x);
    double[] added = LayerCase.values(bias);
    for (Format format : new Format[] {Format.DENSE, Format.BITMAP, Format.CSR}) {
      LinearWeights held = LinearWeights.compress(format, weights);
      Tensor y = y(3);
      try (SparseLinear layer = SparseLinear.of(held, Optional.of(bias), CPU, 4)) {
        layer.apply(x, y);
      }
      double[] found = LayerCase.values(y);
      for (int i = 0; i < found.length; i++) {
        double sum = added[i % 24];
        for (int c = 0; c < 40; c++) {
          sum += inputs[i / 24 * 40 + c] * w[i % 24 * 40 + c];
        }
        assertThat(Math.abs(found[i] - sum)).isLessThanOrEqualTo(1e-5 * (1 + Math.abs(sum)));
      }
    }
  }

  @Test
  void eachBatchGoesToWhatWasChosenForTheNearest() throws IOException {
    FakeBench bench = twoFormats();
    LinearPlan plan = plan(bench, 1L, 16L);
    assertThat(plan.choice("a", 1).orElseThrow().format()).isEqualTo(Format.BITMAP);
    assertThat(plan.choice("a", 16).orElseThrow().format()).isEqualTo(Format.DENSE);
    bench.events.clear();
    try (SparseLinear layer = planned(bench, plan, 64)) {
      assertThat(bench.openOperators).isEqualTo(2);
      for (long batch : new long[] {1, 3, 5, 64, 2}) {
        layer.apply(x(batch), y(batch));
      }
      assertThat(bench.events)
          .containsExactly(
              "prepare blas dense",
              "prepare ours bitmap",
              "ours bitmap 1",
              "ours bitmap 3",
              "blas dense 5",
              "blas dense 64",
              "ours bitmap 2");
      assertThat(layer.bytes(1)).isLessThan(layer.bytes(64));
      assertThat(layer).hasToString("[24, 40] of F32 on cpu:2 by blas dense, ours bitmap");
    }
    assertThat(bench.openOperators).isZero();
  }

  @Test
  void moreRowsThanTheChosenProductTakesAreComputedDensely() throws IOException {
    FakeBench bench = twoFormats();
    LinearPlan plan = plan(bench, 1L);
    try (SparseLinear layer = planned(bench, plan, 500)) {
      bench.events.clear();
      layer.apply(x(17), y(17));
      layer.apply(x(0), y(0));
      assertThat(bench.events).containsExactly("blas dense 17");
    }
  }

  @Test
  void operandsThatAreNotWhatTheLayerTakesAreRefused() {
    try (SparseLinear layer = SparseLinear.of(new Dense(weights), Optional.empty(), CPU, 4)) {
      refused(layer, x(2), y(3), "y must be 2x24 of F32, not 3x24 of F32");
      refused(layer, y(2), y(2), "x must be 2x40 of F32, not 2x24 of F32");
      refused(layer, x(5), y(5), "x must have 4 rows at most, as was said, not 5");
      refused(
          layer,
          LayerCase.empty(DType.BF16, 2, 40),
          y(2),
          "x must be 2x40 of F32, not 2x40 of BF16");
      refused(layer, LayerCase.empty(DType.F32, 40), y(1), "x must be 4x40 of F32, not 40 of F32");
      refused(
          layer,
          Tensor.ofDevice(DType.F32, 1, 4096, this, 2, 40),
          y(2),
          "x must be in memory of the host, not of CUDA device 1");
      ByteBuffer shared = ByteBuffer.allocateDirect(1000);
      refused(
          layer,
          Tensor.of(DType.F32, shared, 2, 40),
          Tensor.of(DType.F32, shared.slice(316, 384), 2, 24),
          "x and y must not share memory");
    }
  }

  private static void refused(SparseLinear layer, Tensor x, Tensor y, String message) {
    assertThatIllegalArgumentException().isThrownBy(() -> layer.apply(x, y)).withMessage(message);
  }

  @Test
  void aLayerThatIsClosedComputesNoMore() {
    SparseLinear layer = SparseLinear.of(new Dense(weights), Optional.empty(), CPU, 4);
    layer.close();
    layer.close();
    assertThatThrownBy(() -> layer.apply(x(1), y(1)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the layer is closed");
  }

  @Test
  void aPlanOfSomethingElseIsRefused() throws IOException {
    FakeBench bench = twoFormats();
    LinearPlan plan = plan(bench, 1L);
    bench.description = "a slide rule";
    assertThatIllegalArgumentException()
        .isThrownBy(() -> planned(bench, plan, 1))
        .withMessage(
            "the plan was measured on \"an abacus\", and this is \"a slide rule\": measure again");
    bench.description = "an abacus";
    assertThatIllegalArgumentException()
        .isThrownBy(() -> planned(bench, plan.only("b"), 1))
        .withMessageContaining("the plan must be of one layer, not of 0");
    Tensor other = LayerCase.empty(DType.F32, 3, 40);
    assertThatIllegalArgumentException()
        .isThrownBy(
            () -> SparseLinear.of(bench.products(), new Dense(other), Optional.empty(), plan, 1))
        .withMessage("the plan is of weights [24, 40] of F32, not [3, 40] of F32");
    assertThat(bench.openOperators).isZero();
  }

  @Test
  void whereWhatWasChosenIsNotHereTheFastestThatWasMeasuredIs() throws IOException {
    FakeBench bench =
        twoFormats()
            .with("other", ANY, (f, b, n) -> 2e-3, Format.DENSE)
            .with("third", ANY, (f, b, n) -> 3e-3, Format.DENSE);
    LinearPlan plan = plan(bench, 1L);
    FakeBench few =
        new FakeBench()
            .with("third", ANY, (f, b, n) -> 1, Format.DENSE)
            .with("other", ANY, (f, b, n) -> 1, Format.DENSE);
    try (SparseLinear layer = planned(few, plan, 1)) {
      assertThat(layer).hasToString("[24, 40] of F32 on cpu:2 by other dense");
    }
    FakeBench none =
        new FakeBench()
            .with("ours", 0, (f, b, n) -> 1, Format.BITMAP)
            .with("new", ANY, (f, b, n) -> 1, Format.DENSE);
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> planned(none, plan, 1))
        .withMessage(
            "the products that were measured for batch 1 cannot be used here; ours: its beads are"
                + " lost");
    LinearPlan older = new LinearPlan("cpu:2", "an abacus; ours wood, beads 2", plan.rows());
    assertThatExceptionOfType(BackendUnavailableException.class)
        .isThrownBy(() -> planned(bench, older, 1))
        .withMessageEndingWith("ours: its version is another one, wood, beads 3: measure again");
    assertThat(bench.openOperators + few.openOperators).isZero();
  }

  @Test
  void biasAndBatchAreLookedAtFirst() {
    Tensor bias = LayerCase.empty(DType.F32, 23);
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SparseLinear.of(new Dense(weights), Optional.of(bias), CPU, 1))
        .withMessage("bias must be 24 of F32, not 23 of F32");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> SparseLinear.of(new Dense(weights), Optional.empty(), CPU, 0))
        .withMessage("a batch must be 1 or more, not 0");
  }

  @Test
  void oneLayerIsPlannedAndRunInTwoCalls() {
    LinearPlan plan = SparseLinear.plan(weights, List.of(1L), CPU);
    Tensor y = y(2);
    try (SparseLinear layer = SparseLinear.of(new Dense(weights), Optional.empty(), plan, 8)) {
      layer.apply(x(2), y);
    }
    assertThat(LayerCase.values(y)).doesNotContain(0);
  }
}
