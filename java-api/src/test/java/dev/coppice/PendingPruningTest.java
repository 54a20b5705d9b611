package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.PendingWeights;
import dev.coppice.spi.Weights;
import dev.coppice.spi.WeightsResult;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class PendingPruningTest {
  /** A rule whose device is done when the test says so. */
  private static final class Rule implements PendingWeights {
    private final Weights weights;
    private final CountDownLatch done = new CountDownLatch(1);
    private @Nullable RuntimeException failure;
    private int closed;

    Rule(String name) {
      Tensor tensor = Tensor.ofDevice(DType.F32, 0, 4096, name, 1, 8);
      weights =
          new TensorWeights(
              new Selection.Taken(CheckpointTensor.of(name, tensor), 0, new Axes(0, 1)), tensor);
    }

    @Override
    public boolean isDone() {
      return done.getCount() == 0;
    }

    @Override
    public List<WeightsResult> await() {
      try {
        assertThat(done.await(1, TimeUnit.MINUTES)).isTrue();
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      if (failure != null) {
        throw failure;
      }
      return List.of(new WeightsResult(3, 2, 4, 0));
    }

    @Override
    public void close() {
      closed++;
    }
  }

  private final List<PendingPruning.State> all = new ArrayList<>();
  private final Rule first = new Rule("first");
  private final Rule second = new Rule("second");
  private final Map<String, WeightsResult> reported = new HashMap<>();

  private PendingPruning pending() {
    return PendingPruning.of(
        List.of(
            new PendingPruning.Begun(List.of(first.weights), first),
            new PendingPruning.Begun(List.of(second.weights), second)),
        results -> {
          reported.putAll(results);
          return new PruningReport(
              "cuda",
              List.of(),
              PruningPlan.of(dev.coppice.Rule.nOfM(2, 4)),
              List.of(),
              List.of(),
              0,
              new PruningReport.Seconds(0, 0, 0, 0));
        },
        all);
  }

  private void finish() {
    first.done.countDown();
    second.done.countDown();
  }

  @Test
  void itIsDoneWhenEveryRuleIs() {
    try (PendingPruning pending = pending()) {
      assertThat(pending.isDone()).isFalse();
      first.done.countDown();
      assertThat(pending.isDone()).isFalse();
      second.done.countDown();
      assertThat(pending.isDone()).isTrue();
      PruningReport report = pending.get();
      assertThat(reported).containsOnlyKeys("first", "second");
      assertThat(pending.get()).isSameAs(report);
      assertThat(all).as("the pruner need not wait for it").isEmpty();
    }
    assertThat(List.of(first.closed, second.closed)).containsExactly(1, 1);
  }

  @Test
  void whoAsksWhileAnotherWaitsIsNotHeldUp() {
    try (PendingPruning pending = pending()) {
      CompletableFuture<PruningReport> other = CompletableFuture.supplyAsync(pending::get);
      assertThat(pending.isDone()).isFalse();
      finish();
      assertThat(other.join()).isSameAs(pending.get());
    }
  }

  @Test
  void aLimitedWaitEndsAtItsLimitAndTheDeviceGoesOn() throws Exception {
    try (PendingPruning pending = pending()) {
      assertThatExceptionOfType(TimeoutException.class)
          .isThrownBy(() -> pending.get(Duration.ofMillis(2)))
          .withMessageContaining("PT0.002S");
      Thread.currentThread().interrupt();
      assertThatExceptionOfType(InterruptedException.class)
          .isThrownBy(() -> pending.get(Duration.ofMinutes(1)));
      finish();
      assertThat(pending.get(Duration.ZERO)).isSameAs(pending.get());
    }
  }

  @Test
  void aNanOfOneRuleIsToldWithWhatTheOthersPruned() {
    first.failure = new NanWeightsException("first", 5, true).besides(List.of("its neighbour"));
    finish();
    try (PendingPruning pending = pending()) {
      Throwable refused = catchThrowable(pending::get);
      assertThat(refused)
          .isInstanceOfSatisfying(
              NanWeightsException.class,
              e -> assertThat(e.pruned()).containsExactly("its neighbour", "second"))
          .hasMessage(
              "tensor \"first\" is NaN at index 5 and may be partly pruned by now; fix it, exclude it,"
                  + " or keep NaN weights (nan: keep); pruned all the same: \"its neighbour\","
                  + " \"second\"");
      assertThat(catchThrowable(pending::get)).isSameAs(refused);
    }
    assertThat(second.closed).isOne();
  }

  @Test
  void aDeviceThatFailedSaysMoreThanANan() {
    first.failure = new NanWeightsException("first", 5, false);
    second.failure = new DeviceLostException(700, "gone");
    finish();
    try (PendingPruning pending = pending()) {
      assertThat(catchThrowable(pending::get)).isSameAs(second.failure);
    }
  }

  @Test
  void closingWaitsAndThrowsNothing() {
    first.failure = new DeviceLostException(700, "gone");
    finish();
    PendingPruning pending = pending();
    pending.close();
    pending.close();
    assertThat(List.of(first.closed, second.closed)).containsExactly(1, 1);
    assertThat(catchThrowable(pending::get)).isSameAs(first.failure);
  }

  @Test
  void oneThatIsForgottenIsWaitedFor() {
    try (PendingPruning pending = pending()) {
      finish();
      all.get(0).run(); // As the cleaner does.
      assertThat(List.of(first.closed, second.closed)).containsExactly(1, 1);
      assertThat(pending.isDone()).isTrue();
    }
  }

  @Test
  void aPrunerTakesTensorsOfItsDeviceAlone() {
    FakeProvider cuda = FakeProvider.onDevice("cuda");
    PruningPlan plan = PruningPlan.of(dev.coppice.Rule.unstructured(0.5));
    try (Pruner pruner = Pruner.builder().providers(List.of(cuda)).device(1).stream(7).build()) {
      Tensor there = Tensor.ofDevice(DType.F32, 1, 4096, this, 2, 8);
      try (PendingPruning pending = pruner.pruneAsync(Map.of("w", there), plan)) {
        assertThat(cuda.seen).containsExactly("w at 1:4096");
        assertThat(pending.get().backend()).isEqualTo("cuda");
      }
      Tensor here = Tensor.of(new float[16], 2, 8);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> pruner.pruneAsync(Map.of("w", there, "h", here), plan))
          .withMessageContaining("\"h\" does not lie on a CUDA device");
      Tensor elsewhere = Tensor.ofDevice(DType.F32, 0, 4096, this, 2, 8);
      assertThatIllegalArgumentException()
          .isThrownBy(() -> pruner.pruneAsync(Map.of("w", elsewhere), plan))
          .withMessageContaining("lies on CUDA device 0, this pruner uses device 1");
      cuda.failures.put(2, new DeviceLostException(700, "gone"));
      assertThat(catchThrowable(() -> pruner.pruneAsync(Map.of("w", there), plan)))
          .isInstanceOf(DeviceLostException.class);
    }
  }
}
