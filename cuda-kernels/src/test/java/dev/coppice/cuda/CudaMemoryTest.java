package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.coppice.DType;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Devices with less memory than the weights, and calls that share one device. */
@ExtendWith(EmulatedDriver.class)
class CudaMemoryTest {
  private static final int ROWS = 1000;
  private static final int COLUMNS = 1200;

  static Stream<Rule> rules() {
    return Stream.of(
        Rule.unstructured(0.5, Scope.GLOBAL),
        Rule.unstructured(0.3, Scope.TENSOR),
        Rule.unstructured(0.7, Scope.ROW),
        Rule.nOfM(2, 4),
        Rule.nOfM(2, 4).axes(1, 0));
  }

  @AfterEach
  void allowAll() {
    System.clearProperty("coppice.cuda.memory");
  }

  @ParameterizedTest
  @MethodSource("rules")
  void aDeviceSmallerThanTheWeightsTakesThemInTurn(Rule rule) {
    float[] expected = weights(1);
    prune("reference", rule, expected);
    EmulatedDriver.setMemory(0, 4_000_000);
    float[] weights = weights(1);
    prune("cuda", rule, weights);
    assertThat(weights).isEqualTo(expected);
  }

  @Test
  void coppiceKeepsToTheMemoryThatItIsAllowed() {
    float[] expected = weights(2);
    Rule rule = Rule.unstructured(0.5, Scope.GLOBAL);
    prune("reference", rule, expected);
    System.setProperty("coppice.cuda.memory", "2000000");
    float[] weights = weights(2);
    prune("cuda", rule, weights);
    assertThat(weights).isEqualTo(expected);
  }

  @Test
  void aDeviceWithoutRoomForTheCountersIsOutOfMemoryAndNothingChanges() {
    EmulatedDriver.setMemory(0, 500_000);
    float[] weights = weights(3);
    assertThatExceptionOfType(DeviceOutOfMemoryException.class)
        .isThrownBy(() -> prune("cuda", Rule.unstructured(0.5, Scope.GLOBAL), weights))
        .satisfies(e -> assertThat(e.bytesAsked()).isGreaterThan(e.bytesFree()));
    assertThat(weights).isEqualTo(weights(3));
  }

  @Test
  void callsOfSeveralThreadsShareADevice() throws Exception {
    List<Rule> rules = rules().toList();
    List<float[]> expected = new ArrayList<>();
    for (int i = 0; i < rules.size(); i++) {
      expected.add(weights(i));
      prune("reference", rules.get(i), expected.get(i));
    }
    ExecutorService threads = Executors.newFixedThreadPool(3);
    try (Pruner pruner = Pruner.builder().backend("cuda").build()) {
      List<Callable<float[]>> calls = new ArrayList<>();
      for (int round = 0; round < 2; round++) {
        for (int i = 0; i < rules.size(); i++) {
          int own = i;
          calls.add(
              () -> {
                float[] weights = weights(own);
                pruner.prune(
                    Map.of("w", Tensor.of(weights, ROWS, COLUMNS)), PruningPlan.of(rules.get(own)));
                return weights;
              });
        }
      }
      List<Future<float[]>> results = threads.invokeAll(calls);
      for (int i = 0; i < results.size(); i++) {
        assertThat(results.get(i).get()).isEqualTo(expected.get(i % rules.size()));
      }
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void aPrunerThatIsClosedMeanwhileLetsItsCallsEnd() throws Exception {
    Rule rule = Rule.unstructured(0.5, Scope.GLOBAL);
    float[] expected = weights(4);
    prune("reference", rule, expected);
    float[] weights = weights(4);
    ExecutorService thread = Executors.newSingleThreadExecutor();
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    Pruner pruner =
        Pruner.builder()
            .backend("cuda")
            .listener(
                (phase, done, total) -> {
                  begun.countDown();
                  await(closed);
                })
            .build();
    try {
      Map<String, Tensor> tensors = Map.of("w", Tensor.of(weights, ROWS, COLUMNS));
      Future<?> call = thread.submit(() -> pruner.prune(tensors, PruningPlan.of(rule)));
      await(begun);
      pruner.close();
      closed.countDown();
      call.get();
    } finally {
      pruner.close();
      closed.countDown();
      thread.shutdownNow();
    }
    assertThat(weights).isEqualTo(expected);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(1, TimeUnit.MINUTES)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void thousandPrunesLeaveAsMuchAllocatedAsOne() {
    try (Pruner pruner = Pruner.builder().backend("cuda").build()) {
      long after = 0;
      for (int i = 0; i < 1000; i++) {
        short[] weights = new short[64 + i % 7];
        pruner.prune(
            Tensor.of(DType.BF16, weights, 1, weights.length),
            PruningPlan.of(Rule.unstructured(0.5)));
        long alive = EmulatedDriver.alive();
        after = i == 0 ? alive : after;
        assertThat(alive).isEqualTo(after);
      }
    }
  }

  private static float[] weights(int seed) {
    Random random = new Random(seed);
    float[] weights = new float[ROWS * COLUMNS];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = random.nextInt(8) == 0 ? random.nextInt(3) : (float) random.nextGaussian();
    }
    return weights;
  }

  private static void prune(String backend, Rule rule, float[] weights) {
    try (Pruner pruner = Pruner.builder().backend(backend).build()) {
      pruner.prune(Map.of("w", Tensor.of(weights, ROWS, COLUMNS)), PruningPlan.of(rule));
    }
  }
}
