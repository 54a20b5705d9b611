package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.DeviceException;
import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramProvider;
import dev.coppice.spi.GramSums;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What fails is a typed exception, and nothing stays alive on the device. */
@ExtendWith(EmulatedDriver.class)
class CublasGramFaultTest {
  private static final int UNKNOWN = 999;
  private static final int OUT_OF_MEMORY = 2;
  private static final int COLUMNS = 5;
  private static final int WIDTH = 9;

  private final CublasGram provider = new CublasGram(CublasLinear.through(CublasBinding.JCUBLAS));

  /** Adds up more than a block of rows, from nothing to nothing. */
  private double[][] use() {
    Random random = new Random(1);
    double[][] rows = new double[1100][];
    Arrays.setAll(rows, r -> random.doubles(WIDTH).toArray());
    try (GramBackend backend = provider.open();
        GramSums sums = backend.begin(COLUMNS, WIDTH)) {
      sums.add(rows, rows.length);
      return sums.read();
    }
  }

  private static void assertNothingAlive(String when) {
    assertThat(EmulatedDriver.liveHandles()).as(when).isZero();
    assertThat(EmulatedDriver.liveAllocations()).as(when).isZero();
    assertThat(EmulatedDriver.livePinned()).as(when).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cublasCreate",
        "cublasSetMathMode",
        "cublasSetStream",
        "cublasGemmEx",
        "cuMemcpyHtoDAsync",
        "cuMemcpyDtoHAsync",
        "cuMemsetD8Async"
      })
  void everyCallThatFailsIsReportedAndLeavesNothing(String call) {
    double[][] whole = use(); // The first one also asks whether the library is there.
    long before = EmulatedDriver.calls(call);
    assertThat(use()).isDeepEqualTo(whole);
    long made = EmulatedDriver.calls(call) - before;
    assertThat(made).isPositive();
    for (long n = 1; n <= made; n++) {
      EmulatedDriver.fail(call, n, UNKNOWN);
      assertThatThrownBy(this::use).isInstanceOf(DeviceException.class);
      assertNothingAlive(call + " " + n);
    }
    assertThat(use()).isDeepEqualTo(whole);
  }

  @ParameterizedTest
  @ValueSource(strings = {"cuMemAllocAsync", "cuMemHostAlloc"})
  void memoryThatCannotBeHadIsSaidAndLeavesNothing(String call) {
    use();
    long before = EmulatedDriver.calls(call);
    use();
    long made = EmulatedDriver.calls(call) - before;
    assertThat(made).isPositive();
    for (long n = 1; n <= made; n++) {
      EmulatedDriver.fail(call, n, OUT_OF_MEMORY);
      assertThatThrownBy(this::use).isInstanceOf(DeviceOutOfMemoryException.class);
      assertNothingAlive(call + " " + n);
    }
  }

  @Test
  void sumsThatDoNotFitTheDeviceAreRefusedBeforeAnyRow() {
    EmulatedDriver.setMemory(1 << 20);
    try (GramBackend backend = provider.open()) {
      assertThatThrownBy(() -> backend.begin(400, 800))
          .isInstanceOf(DeviceOutOfMemoryException.class)
          .hasMessageContaining("2,560,000 bytes asked");
      assertThatThrownBy(() -> backend.begin(3, 1 << 29))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("3 columns of 536870912 numbers: at most all of 268435455");
      backend.begin(40, 80).close();
    }
  }

  @Test
  void sumsThatWereClosedAreNotUsedAgain() {
    try (GramBackend backend = provider.open()) {
      GramSums sums = backend.begin(1, 1);
      sums.close();
      sums.close();
      assertThatThrownBy(() -> sums.add(new double[1][1], 1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("sums are used after they were closed");
      assertThatThrownBy(sums::read).isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void theProviderIsFoundAndAutoTakesItOnTheEmulatedDriverOnlyWhereThatIsAskedFor() {
    Map<String, GramProvider> found =
        ServiceLoader.load(GramProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .collect(Collectors.toMap(GramProvider::name, Function.identity()));
    assertThat(found).containsOnlyKeys("reference", "cuda");
    GramProvider cuda = Objects.requireNonNull(found.get("cuda"));
    assertThat(cuda.worthwhile()).isEqualTo(Long.MAX_VALUE);
    assertThat(cuda.availability().toString())
        .startsWith("Usable[runsOn=emulated, no GPU: cuBLAS 12.6.1 through JCublas on ");
  }
}
