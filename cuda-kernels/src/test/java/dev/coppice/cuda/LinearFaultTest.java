package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearOperator;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every call of a product fails, with an error that passes, with one that poisons the context, and
 * for want of memory: the result is right or a typed exception, and nothing stays alive.
 */
@ExtendWith(EmulatedDriver.class)
class LinearFaultTest {
  private static final int OUT_OF_MEMORY = 2;
  private static final int UNKNOWN = 999;
  private static final int ILLEGAL_ADDRESS = 700;
  private static final int OUT = 24;
  private static final int IN = 60;
  private static final int BATCH = 3;
  private static final Pattern GIVING_BACK =
      Pattern.compile("Free|Destroy|Unload|Release|PushCurrent|PopCurrent|Synchron");

  private record Outcome(ByteBuffer y, String failure) {}

  @AfterEach
  void end() {
    EmulatedDriver.revive();
  }

  /** Multiplies once, from nothing to nothing. */
  private static Outcome multiply(Format format) {
    Random random = new Random(1);
    LinearWeights weights =
        LinearWeights.compress(format, LayerCase.weights(random, format, DType.BF16, OUT, IN));
    Tensor bias = LayerCase.numbers(random, DType.BF16, OUT);
    Tensor x = LayerCase.numbers(random, DType.BF16, BATCH, IN);
    Tensor y = LayerCase.empty(DType.BF16, BATCH, OUT);
    String failure = "";
    Device device = Device.cuda(0);
    try (LinearBench bench = new LinearCudaBenchProvider().open(device).orElseThrow();
        LinearOperator product =
            new LinearCudaProvider().prepare(weights, Optional.of(bias), device, BATCH)) {
      Tensor to = bench.copyOf(y);
      product.apply(bench.copyOf(x), to, bench.stream());
      bench.copyTo(to, y);
    } catch (RuntimeException e) {
      failure = e.toString();
    }
    return new Outcome(LayerCase.bytes(y), failure);
  }

  @ParameterizedTest
  @EnumSource(names = {"TWO_FOUR", "BITMAP"})
  void anAllocationThatFailsIsSaid(Format format) {
    Outcome whole = multiply(format);
    assertThat(whole.failure()).isEmpty();
    int refused = 0;
    for (int n = 1; ; n++) {
      EmulatedDriver.reset();
      EmulatedDriver.fail("cuMemAllocAsync", n, OUT_OF_MEMORY);
      Outcome outcome = multiply(format);
      assertThat(EmulatedDriver.alive()).as("allocation %d", n).isZero();
      if (EmulatedDriver.calls("cuMemAllocAsync") < n) {
        assertThat(outcome).isEqualTo(whole);
        break;
      }
      if (outcome.failure().isEmpty()) {
        assertThat(outcome).isEqualTo(whole);
      } else {
        refused++;
        assertThat(outcome.failure()).startsWith(DeviceOutOfMemoryException.class.getName());
      }
    }
    assertThat(refused).isGreaterThan(5);
  }

  @ParameterizedTest
  @EnumSource(names = {"TWO_FOUR", "BITMAP"})
  void anErrorOfAnyCallIsATypedException(Format format) {
    Outcome whole = multiply(format);
    int failures = 0;
    for (int n = 1; ; n++) {
      EmulatedDriver.reset();
      EmulatedDriver.fail("*", n, UNKNOWN);
      Outcome outcome = multiply(format);
      if (EmulatedDriver.calls("*") < n) {
        assertThat(outcome).isEqualTo(whole);
        break;
      }
      if (!outcome.failure().isEmpty()) {
        failures++;
        assertThat(outcome.failure())
            .as("call %d", n)
            .matches("dev\\.coppice\\.(DeviceException|BackendUnavailableException): (?s).*");
        assertThat(EmulatedDriver.alive())
            .as("%d: %s", n, outcome.failure())
            .isLessThanOrEqualTo(GIVING_BACK.matcher(outcome.failure()).find() ? 2 : 0);
      }
    }
    assertThat(failures).isGreaterThan(30);
  }

  /** What a product gave whose n-th call poisoned the context, and the next one; calls of both. */
  private record Poisoned(String failure, String next, long calls) {
    static Poisoned at(Format format, int n) {
      EmulatedDriver.revive();
      EmulatedDriver.fail("*", n, ILLEGAL_ADDRESS);
      String failure = multiply(format).failure();
      String next = failure.isEmpty() ? "" : multiply(format).failure();
      return new Poisoned(failure, next, EmulatedDriver.calls("*"));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"TWO_FOUR", "BITMAP"})
  void afterAnErrorThatPoisonsTheContextNoFurtherCallIsMade(Format format) {
    int n = 1;
    for (; ; n++) {
      Poisoned poisoned = Poisoned.at(format, n);
      if (poisoned.calls() < n) {
        assertThat(poisoned.failure()).isEmpty();
        break;
      }
      assertThat(poisoned.failure()).as("call %d", n).contains("ILLEGAL_ADDRESS");
      assertThat(poisoned.next()).as("call %d", n).contains("ILLEGAL_ADDRESS");
      assertThat(poisoned.calls()).as("calls, after %s", poisoned.failure()).isEqualTo(n);
    }
    assertThat(n).isGreaterThan(40);
  }
}
