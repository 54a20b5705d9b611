package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Amount;
import dev.coppice.DType;
import dev.coppice.DeviceException;
import dev.coppice.DeviceLostException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.Pattern;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import dev.coppice.spi.WorkPool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every allocation of a prune fails, and every call, with an error that passes and with one that
 * poisons the context: the result is the same bytes or a typed exception, and nothing stays alive.
 */
@ExtendWith(EmulatedDriver.class)
class FaultMatrixTest {
  private static final int ROWS = 6;
  private static final int COLUMNS = 500;
  private static final int OUT_OF_MEMORY = 2;
  private static final int UNKNOWN = 999;
  private static final int ILLEGAL_ADDRESS = 700;
  private static final java.util.regex.Pattern GIVING_BACK =
      java.util.regex.Pattern.compile(
          "Free|Destroy|Unload|Release|PushCurrent|PopCurrent|Synchron");

  private final WorkPool pool = new WorkPool(2);
  private long callsBefore;
  private final ByteBuffer f32 = weights(DType.F32);
  private final ByteBuffer bf16 = weights(DType.BF16);

  static List<Rule> rules() {
    return List.of(
        Rule.unstructured(0.5, Scope.GLOBAL),
        Rule.unstructured(0.5, Scope.ROW),
        Rule.of(
            new Pattern.Unstructured(
                Scope.GLOBAL, new Amount.Fraction(0.5), OptionalDouble.of(0.6))),
        Rule.nOfM(2, 4));
  }

  private static ByteBuffer weights(DType dtype) {
    Random random = new Random(dtype.bytes());
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(ROWS * COLUMNS * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    while (bytes.hasRemaining()) {
      int bits = Float.floatToRawIntBits((float) random.nextGaussian());
      if (dtype == DType.F32) {
        bytes.putInt(bits);
      } else {
        bytes.putShort((short) (bits >>> 16));
      }
    }
    return bytes.clear();
  }

  @BeforeEach
  void bringTheWeightsUpInBatches() {
    System.setProperty("coppice.cuda.chunk", "4096");
  }

  @AfterEach
  void end() {
    EmulatedDriver.revive();
    System.clearProperty("coppice.cuda.chunk");
    pool.close();
  }

  /** What one prune with a fault gave. */
  private record Outcome(ByteBuffer f32, ByteBuffer bf16, String failure) {}

  @ParameterizedTest
  @MethodSource("rules")
  void anAllocationThatFailsCostsNothingButTimeOrIsSaid(Rule rule) {
    Outcome whole = prune("reference", rule);
    for (String call : List.of("cuMemAllocAsync", "cuMemHostAlloc")) {
      int refused = 0;
      int n = 1;
      while (true) {
        EmulatedDriver.reset();
        Outcome outcome = prune("cuda", rule, call, n, OUT_OF_MEMORY);
        if (outcome.failure().isEmpty()) {
          assertThat(outcome).as("%s %d", call, n).isEqualTo(whole);
        } else {
          refused++;
          assertThat(outcome.failure()).startsWith(DeviceOutOfMemoryException.class.getName());
          assertThat(outcome.f32()).isEqualTo(f32);
          assertThat(outcome.bf16()).isEqualTo(bf16);
        }
        assertNothingIsAlive(call + " " + n);
        if (callsSince(call) < n) {
          break; // The fault came after the end.
        }
        n++;
      }
      assertThat(n).as(call + "s that failed").isGreaterThan(1);
      assertThat(refused).as("refusals for want of one " + call).isLessThanOrEqualTo(3);
    }
  }

  @ParameterizedTest
  @MethodSource("rules")
  void anErrorOfAnyCallIsATypedException(Rule rule) {
    Outcome whole = prune("reference", rule);
    int failures = 0;
    for (int n = 1; ; n++) {
      EmulatedDriver.reset();
      Outcome outcome = prune("cuda", rule, "*", n, UNKNOWN);
      if (callsSince("*") < n) {
        assertThat(outcome).isEqualTo(whole);
        break;
      }
      if (outcome.failure().isEmpty()) {
        assertThat(outcome).as("call %d", n).isEqualTo(whole);
      } else {
        failures++;
        assertThat(outcome.failure()).startsWith(DeviceException.class.getName());
        assertThat(EmulatedDriver.alive())
            .as("%d: %s", n, outcome.failure())
            .isLessThanOrEqualTo(GIVING_BACK.matcher(outcome.failure()).find() ? 1 : 0);
      }
    }
    EmulatedDriver.reset();
    assertThat(failures).isGreaterThan(10);
  }

  @ParameterizedTest
  @MethodSource("rules")
  void afterAnErrorThatPoisonsTheContextNoFurtherCallIsMade(Rule rule) {
    int n = 1;
    while (true) {
      EmulatedDriver.revive();
      Outcome outcome = prune("cuda", rule, "*", n, ILLEGAL_ADDRESS);
      long calls = callsSince("*");
      if (calls < n) {
        break;
      }
      assertThat(outcome.failure())
          .as("call %d", n)
          .startsWith(DeviceLostException.class.getName());
      assertThat(calls).as("calls, after %s", outcome.failure()).isEqualTo(n);
      assertThat(prune("cuda", rule).failure()).contains("ILLEGAL_ADDRESS");
      assertThat(callsSince("*")).isEqualTo(n);
      n++;
    }
    assertThat(n).isGreaterThan(20);
  }

  /** Prunes without a fault. */
  private Outcome prune(String backend, Rule rule) {
    return prune(backend, rule, "none", 0, 0);
  }

  /** Prunes while the n-th call of that name fails, counted from when the backend was made. */
  private Outcome prune(String backend, Rule rule, String call, int n, int code) {
    ByteBuffer a = copy(f32);
    ByteBuffer b = copy(bf16);
    String failure = "";
    // One thread, so that the order of calls is always the same.
    try (Pruner pruner = Pruner.builder().backend(backend).pool(pool).threads(1).build()) {
      if (n > 0) {
        EmulatedDriver.fail(call, n, code);
        callsBefore = EmulatedDriver.calls(call);
      }
      pruner.prune(
          Map.of(
              "a", Tensor.of(DType.F32, a, ROWS, COLUMNS),
              "b", Tensor.of(DType.BF16, b, ROWS, COLUMNS)),
          PruningPlan.of(rule));
    } catch (RuntimeException e) {
      failure = e.toString();
    }
    return new Outcome(a.clear(), b.clear(), failure);
  }

  private long callsSince(String call) {
    return EmulatedDriver.calls(call) - callsBefore;
  }

  private static ByteBuffer copy(ByteBuffer bytes) {
    return ByteBuffer.allocateDirect(bytes.capacity())
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(bytes.duplicate())
        .clear();
  }

  private static void assertNothingIsAlive(String what) {
    assertThat(EmulatedDriver.alive()).as(what).isZero();
  }
}
