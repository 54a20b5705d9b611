package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.reference.ReferenceProvider;
import dev.coppice.spi.Availability;
import dev.coppice.spi.BackendProvider;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Which backend a pruner takes for which call. */
class BackendChoiceTest {
  private static final PruningPlan HALF = PruningPlan.of(Rule.unstructured(0.5));

  private final FakeProvider cuda = FakeProvider.onDevice("cuda");
  private final FakeProvider simd = FakeProvider.onHost("simd");
  private final List<BackendProvider> all = List.of(cuda, simd, new ReferenceProvider());

  private Pruner.Builder builder(String backend) {
    return Pruner.builder().providers(all).backend(backend);
  }

  private static float[] weights(int count) {
    float[] data = new float[count];
    for (int i = 0; i < count; i++) {
      data[i] = (i * 37 % 101) - 50;
    }
    return data;
  }

  private static PruningReport prune(Pruner pruner, int count) {
    return pruner.prune(Tensor.of(weights(count), 1, count), HALF);
  }

  private static DeviceOutOfMemoryException outOfMemory() {
    return new DeviceOutOfMemoryException(2, 2_000_000_000L, 300_000_000);
  }

  @Test
  void autoTakesTheBestThatCanBeUsedAndSaysWhyNotABetterOne() {
    cuda.availability = new Availability.Unusable("there is no driver");
    try (Pruner pruner = builder("auto").build()) {
      PruningReport report = prune(pruner, 8);
      assertThat(report.backend()).isEqualTo("simd");
      assertThat(report.notes()).containsExactly("cuda is not used: there is no driver");
      assertThat(pruner.backend()).isEqualTo("simd");
    }
  }

  @Test
  void autoDecidesAnewForEachCallWhetherABackendPays() {
    cuda.worthwhileBytes = 4_000_000;
    try (Pruner pruner = builder("auto").build()) {
      assertThat(prune(pruner, 999_999).backend()).isEqualTo("simd");
      assertThat(prune(pruner, 500_000).notes())
          .containsExactly(
              "cuda is not used: the 2 MB to prune are below the 4 MB from which it pays;"
                  + " --backend cuda asks for it all the same");
      assertThat(cuda.asked).as("a small call does not wait for a driver").isZero();
      PruningReport large = prune(pruner, 1_000_000);
      assertThat(large.backend()).isEqualTo("cuda");
      assertThat(large.notes()).isEmpty();
      assertThat(prune(pruner, 100).backend()).isEqualTo("simd");
      assertThat(prune(pruner, 100).notes().get(0)).contains("the 400 bytes to prune are below");
      assertThat(pruner.backend()).isEqualTo("cuda");
    }
  }

  @Test
  void whereThereIsNothingToRunOnThatIsSaidInsteadAndNoDriverIsAsked() {
    cuda.worthwhileBytes = 4_000_000;
    cuda.absence = Optional.of("there is no device here");
    try (Pruner pruner = builder("auto").build()) {
      assertThat(prune(pruner, 8).notes())
          .containsExactly("cuda is not used: there is no device here");
      assertThat(cuda.asked).isZero();
    }
  }

  @Test
  void onlyTensorsThatAreTakenCountForWhatPays() {
    cuda.worthwhileBytes = 4000;
    Map<String, Tensor> tensors =
        Map.of("w", Tensor.of(weights(100), 10, 10), "norm", Tensor.of(weights(2000), 20, 100));
    try (Pruner pruner = builder("auto").build()) {
      assertThat(pruner.prune(tensors, HALF).backend()).isEqualTo("simd");
    }
  }

  @Test
  void aNamedBackendIsUsedHoweverSmallTheCall() {
    cuda.worthwhileBytes = 4_000_000;
    try (Pruner pruner = builder("cuda").build()) {
      PruningReport report = prune(pruner, 8);
      assertThat(report.backend()).isEqualTo("cuda");
      assertThat(report.notes()).isEmpty();
    }
  }

  @Test
  void aNamedBackendThatCannotBeUsedIsRefusedWhenThePrunerIsMade() {
    cuda.refusal = new BackendUnavailableException("there is no CUDA device 7, there are 2");
    Pruner.Builder seventh = builder("cuda").device(7);
    assertThatThrownBy(seventh::build)
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessage("backend cuda cannot be used: there is no CUDA device 7, there are 2");
    cuda.availability = new Availability.Unusable("there is no driver");
    Pruner.Builder driverless = builder("cuda");
    assertThatThrownBy(driverless::build)
        .isInstanceOf(BackendUnavailableException.class)
        .hasMessage("backend cuda cannot be used: there is no driver");
  }

  @Test
  void autoGoesOnWhereADeviceCannotBeOpened() {
    cuda.refusal = outOfMemory();
    try (Pruner pruner = builder("auto").build()) {
      PruningReport report = prune(pruner, 8);
      assertThat(report.backend()).isEqualTo("simd");
      assertThat(report.notes())
          .singleElement()
          .asString()
          .startsWith("cuda is not used: device out of memory: ");
      cuda.refusal = null;
      assertThat(prune(pruner, 8).backend()).as("it is asked again").isEqualTo("cuda");
    }
  }

  @Test
  void whereNoBackendCanBeUsedTheReasonsOfAllAreGiven() {
    cuda.availability = new Availability.Unusable("there is no driver");
    simd.worthwhileBytes = 1000;
    try (Pruner pruner = Pruner.builder().providers(List.of(cuda, simd)).build()) {
      assertThatThrownBy(() -> prune(pruner, 8))
          .isInstanceOf(BackendUnavailableException.class)
          .hasMessage(
              "no backend can be used: cuda is not used: there is no driver; simd is not used: the"
                  + " 32 bytes to prune are below the 1,000 bytes from which it pays; --backend"
                  + " simd asks for it all the same");
    }
  }

  @Test
  void aDeviceThatRunsOutOfMemoryIsReplacedWithTheSameBytesAndANote() {
    float[] expected = weights(1000);
    float[] actual = weights(1000);
    cuda.failures.put(1, outOfMemory());
    long[] told = new long[2];
    ProgressListener listener =
        (phase, done, total) -> {
          told[0] = done;
          told[1] = total;
        };
    try (Pruner reference = builder("reference").build();
        Pruner pruner = builder("auto").listener(listener).build()) {
      reference.prune(Tensor.of(expected, 10, 100), HALF);
      PruningReport report = pruner.prune(Tensor.of(actual, 10, 100), HALF);
      assertThat(actual).isEqualTo(expected);
      assertThat(report.pruned()).isEqualTo(500);
      assertThat(report.backend()).isEqualTo("simd");
      assertThat(report.notes())
          .containsExactly(
              "cuda ran out of device memory (2,000 MB asked, 300 MB free): simd was used");
      assertThat(told[0]).as("progress").isEqualTo(told[1]).isPositive();
      assertThat(prune(pruner, 8).backend()).as("the next call").isEqualTo("cuda");
    }
  }

  @Test
  void onlyTheRuleThatRanOutOfMemoryFallsBack() {
    Map<String, Tensor> tensors =
        Map.of(
            "a", Tensor.of(weights(100), 10, 10),
            "b", Tensor.of(weights(100), 10, 10),
            "c", Tensor.of(weights(100), 10, 10));
    PruningPlan plan = PruningPlan.of(on("a"), on("b"), on("c"));
    cuda.failures.put(2, outOfMemory());
    try (Pruner pruner = builder("auto").build()) {
      PruningReport report = pruner.prune(tensors, plan);
      assertThat(report.backend()).isEqualTo("cuda+simd");
      assertThat(report.notes())
          .containsExactly(
              "cuda ran out of device memory (2,000 MB asked, 300 MB free): simd was used for rule"
                  + " 2 of the plan");
      assertThat(cuda.seen).containsExactly("a", "c");
      assertThat(simd.seen).containsExactly("b");
      assertThat(report.pruned()).isEqualTo(150);
    }
  }

  private static Rule on(String name) {
    return Rule.unstructured(0.5)
        .on(new Selector(List.of(name), List.of(), Selector.Defaults.LIFTED));
  }

  @Test
  void aNamedBackendThatRunsOutOfMemorySaysSo() {
    DeviceOutOfMemoryException thrown = outOfMemory();
    cuda.failures.put(1, thrown);
    try (Pruner pruner = builder("cuda").build()) {
      assertThatThrownBy(() -> prune(pruner, 8)).isSameAs(thrown);
    }
    assertThat(simd.created).isEmpty();
  }

  @Test
  void whereNothingIsLeftToFallBackToTheDeviceSaysWhy() {
    DeviceOutOfMemoryException thrown = outOfMemory();
    cuda.failures.put(1, thrown);
    simd.availability = new Availability.Unusable("not here");
    try (Pruner pruner = Pruner.builder().providers(List.of(cuda, simd)).build()) {
      assertThatThrownBy(() -> prune(pruner, 8)).isSameAs(thrown);
    }
  }

  @Test
  void aLostDeviceEndsItsCallAndLaterOnesDoWithoutIt() {
    DeviceLostException thrown = new DeviceLostException(700, "illegal address in a kernel");
    cuda.failures.put(1, thrown);
    try (Pruner pruner = builder("auto").build()) {
      assertThatThrownBy(() -> prune(pruner, 8)).isSameAs(thrown);
      assertThat(simd.prunes).isZero();
      PruningReport later = prune(pruner, 8);
      assertThat(later.backend()).isEqualTo("simd");
      assertThat(later.notes()).containsExactly("cuda is not used: illegal address in a kernel");
      assertThat(cuda.prunes).isEqualTo(1);
    }
    assertThat(cuda.closed).isEqualTo(1);
  }

  @Test
  void aDevicesTensorsAreGivenToItsBackendHoweverSmall() {
    cuda.worthwhileBytes = 4_000_000;
    Tensor there = Tensor.ofDevice(DType.BF16, 1, 0x7F00_0000_1000L, this, 2, 4);
    float[] here = weights(100);
    for (String backend : List.of("auto", "cuda")) {
      cuda.seen.clear();
      try (Pruner pruner = builder(backend).device(1).build()) {
        PruningReport report =
            pruner.prune(Map.of("there", there, "here", Tensor.of(here, 10, 10)), HALF);
        assertThat(report.backend()).isEqualTo("cuda");
        assertThat(report.notes()).isEmpty();
        assertThat(cuda.seen).containsExactly("here", "there at 1:" + 0x7F00_0000_1000L);
        assertThat(report.bytes()).isEqualTo(416);
      }
    }
    assertThat(cuda.created).containsExactly(1, 1);
  }

  @Test
  void aBackendOfTheHostRefusesADevicesTensorsBeforeAnythingChanges() {
    float[] here = weights(100);
    Map<String, Tensor> tensors =
        Map.of("a", Tensor.of(here, 10, 10), "b", Tensor.ofDevice(DType.F32, 0, 64, this, 10, 10));
    PruningPlan plan = PruningPlan.of(on("a"), on("b"));
    for (String backend : List.of("simd", "reference")) {
      try (Pruner pruner = builder(backend).build()) {
        assertThatIllegalArgumentException()
            .isThrownBy(() -> pruner.prune(tensors, plan))
            .withMessageStartingWith(
                "tensor \"b\" lies on CUDA device 0: prune it with the cuda backend");
      }
    }
    assertThat(here).isEqualTo(weights(100));
    try (Pruner pruner = builder("simd").build()) {
      assertThat(pruner.prune(tensors, PruningPlan.of(on("a"))).pruned())
          .as("what no rule takes is in nobody's way")
          .isEqualTo(50);
    }
  }

  @Test
  void autoSaysWhyADevicesTensorsCannotBePruned() {
    cuda.availability = new Availability.Unusable("there is no driver");
    Tensor there = Tensor.ofDevice(DType.F32, 0, 64, this, 10, 10);
    try (Pruner pruner = builder("auto").build()) {
      assertThatThrownBy(() -> pruner.prune(there, HALF))
          .isInstanceOf(BackendUnavailableException.class)
          .hasMessage(
              "tensor \"tensor\" lies on CUDA device 0, and no backend can be used: cuda is not"
                  + " used: there is no driver");
    }
  }

  @Test
  void noOtherBackendStandsInForADevicesTensors() {
    DeviceOutOfMemoryException thrown = outOfMemory();
    cuda.failures.put(1, thrown);
    Tensor there = Tensor.ofDevice(DType.F32, 0, 64, this, 10, 10);
    try (Pruner pruner = builder("auto").build()) {
      assertThatThrownBy(() -> pruner.prune(there, HALF)).isSameAs(thrown);
    }
    assertThat(simd.prunes).isZero();
  }

  @Test
  void aTensorOfAnotherDeviceIsRefused() {
    Tensor there = Tensor.ofDevice(DType.F32, 2, 64, this, 10, 10);
    try (Pruner pruner = builder("cuda").device(1).build()) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> pruner.prune(there, HALF))
          .withMessage(
              "tensor \"tensor\" lies on CUDA device 2, this pruner uses device 1: build one with"
                  + " that device");
    }
    assertThat(cuda.prunes).isZero();
  }

  @Test
  void theDevicesNumberIsForBackendsThatRunOnOne() {
    cuda.failures.put(1, outOfMemory());
    try (Pruner pruner = builder("auto").device(3).build()) {
      assertThat(prune(pruner, 8).backend()).isEqualTo("simd");
    }
    assertThat(cuda.created).containsExactly(3);
    assertThat(simd.created).containsExactly(0);
    Pruner.Builder misplaced = builder("simd").device(3);
    assertThatIllegalArgumentException()
        .isThrownBy(misplaced::build)
        .withMessage(
            "backend simd runs on no CUDA device: device must be 0, not 3; only cuda takes others");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Pruner.builder().device(-1))
        .withMessage("device must be 0 or more, not -1");
  }

  @Test
  void backendsAreMadeOnceWhenNeededAndClosedWithThePruner() throws Exception {
    int calls = 8;
    CountDownLatch together = new CountDownLatch(calls);
    ExecutorService threads = Executors.newFixedThreadPool(calls);
    Pruner pruner = builder("auto").build();
    try (pruner) {
      assertThat(cuda.created).isEmpty();
      List<Future<PruningReport>> reports =
          IntStream.range(0, calls)
              .mapToObj(
                  i ->
                      threads.submit(
                          () -> {
                            together.countDown();
                            together.await();
                            return prune(pruner, 100 + i);
                          }))
              .toList();
      for (Future<PruningReport> report : reports) {
        assertThat(report.get(1, TimeUnit.MINUTES).backend()).isEqualTo("cuda");
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(cuda.created).hasSize(1);
    assertThat(simd.created).isEmpty();
    assertThat(cuda.closed).isEqualTo(1);
    assertThatIllegalStateException()
        .isThrownBy(() -> prune(pruner, 8))
        .withMessage("the pruner is closed");
  }

  @Test
  void anAddressThatNoElementCanHaveIsRefused() {
    for (long address : new long[] {0, 6}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> Tensor.ofDevice(DType.F32, 0, address, this, 2))
          .withMessage(
              "a device address of F32 must be a multiple of 4 other than 0, not 0x" + address);
    }
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Tensor.ofDevice(DType.F32, -1, 64, this, 2))
        .withMessage("a device must be 0 or more, not -1");
    assertThatThrownBy(() -> Tensor.ofDevice(DType.F32, 0, 64, this, 1L << 40, 1L << 40))
        .isInstanceOf(RuntimeException.class);
    assertThat(Tensor.ofDevice(DType.F16, 0, -2, this, 1L << 33).shape().elements())
        .isEqualTo(1L << 33);
  }
}
