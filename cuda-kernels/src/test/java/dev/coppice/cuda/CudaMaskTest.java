package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.coppice.Criterion;
import dev.coppice.DType;
import dev.coppice.DeviceException;
import dev.coppice.NanPolicy;
import dev.coppice.NanWeightsException;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.Tensor;
import dev.coppice.spi.WeightsResult;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import jcuda.driver.CUdeviceptr;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Masks, scores and results elsewhere, all of them on the device. */
@ExtendWith(EmulatedDriver.class)
class CudaMaskTest {
  private static final int ROWS = 40;
  private static final int COLUMNS = 1001;
  private static final int COUNT = ROWS * COLUMNS;

  private CallersDevice caller;
  private CudaPruner pruner;

  @BeforeEach
  void open() {
    caller = new CallersDevice(0);
    pruner = CudaPruner.open(0, caller.streamHandle());
  }

  @AfterEach
  void close() {
    pruner.close();
    assertThat(caller.isCurrent()).as("the caller's context is current").isTrue();
    caller.close();
  }

  /** Every kernel that writes masks. */
  static Stream<Rule> byMagnitude() {
    return Stream.of(
        Rule.unstructured(0.3, Scope.TENSOR),
        Rule.unstructured(0.6, Scope.GLOBAL),
        Rule.unstructured(0.5, Scope.ROW),
        Rule.nOfM(2, 7),
        Rule.nOfM(5, 11));
  }

  static Stream<Rule> rules() {
    return byMagnitude().flatMap(r -> Stream.of(r, r.by(new Criterion.Random())));
  }

  private static Tensor tensor(DType dtype, CUdeviceptr memory) {
    return CudaTensors.of(dtype, 0, memory, ROWS, COLUMNS);
  }

  /** Gives weights without zeros, so that those of the result tell what was pruned. */
  private static byte[] nonZero(DType dtype, long seed) {
    byte[] weights = CallersDevice.weights(dtype, COUNT, seed);
    ByteBuffer bytes = ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < COUNT; i++) {
      if (isZero(dtype, bytes, i)) {
        bytes.put(i * dtype.bytes() + 1, (byte) 0x11);
      }
    }
    return weights;
  }

  private static boolean isZero(DType dtype, ByteBuffer bytes, int i) {
    return dtype == DType.F32 ? bytes.getFloat(4 * i) == 0 : (bytes.getShort(2 * i) & 0x7FFF) == 0;
  }

  private static byte[] reference(DType dtype, byte[] weights, PruningPlan plan) {
    byte[] bytes = weights.clone();
    try (Pruner reference = Pruner.builder().backend("reference").build()) {
      reference.prune(Tensor.of(dtype, ByteBuffer.wrap(bytes), ROWS, COLUMNS), plan);
    }
    return bytes;
  }

  /** Gives the mask of what is not zero. */
  private static byte[] kept(DType dtype, byte[] weights) {
    ByteBuffer bytes = ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN);
    byte[] bits = new byte[(COUNT + 7) / 8];
    for (int i = 0; i < COUNT; i++) {
      bits[i / 8] |= (byte) (isZero(dtype, bytes, i) ? 0 : 1 << i % 8);
    }
    return bits;
  }

  private static int pruned(byte[] bits) {
    return COUNT - BitSet.valueOf(bits).cardinality();
  }

  @ParameterizedTest
  @MethodSource("rules")
  void aMaskKeepsWhatPruningWouldAndLeavesTheWeights(Rule rule) {
    PruningPlan plan = PruningPlan.of(rule).withSeed(11);
    for (DType dtype : DType.values()) {
      byte[] weights = nonZero(dtype, 1);
      CUdeviceptr memory = caller.holding(weights);
      byte[] expected = reference(dtype, weights, plan);
      try (CudaMask mask = pruner.mask(tensor(dtype, memory), plan)) {
        assertThat(mask.size()).isEqualTo(COUNT);
        assertThat(mask.toHost()).isEqualTo(kept(dtype, expected));
        assertThat(mask.countPruned()).isEqualTo(pruned(kept(dtype, expected)));
        assertThat(caller.read(memory, weights.length)).isEqualTo(weights);
        mask.apply(tensor(dtype, memory));
        assertThat(caller.read(memory, weights.length)).isEqualTo(expected);
      }
    }
  }

  /** Scores are the oracle's weights: what the reference prunes of them is what goes. */
  @ParameterizedTest
  @MethodSource("byMagnitude")
  void scoresRankWeightsOfAnyType(Rule rule) {
    PruningPlan plan = PruningPlan.of(rule);
    byte[] scores = nonZero(DType.F32, 2);
    CUdeviceptr scoresThere = caller.holding(scores);
    byte[] bits = kept(DType.F32, reference(DType.F32, scores, plan));
    for (DType dtype : DType.values()) {
      byte[] weights = nonZero(dtype, 3);
      CUdeviceptr memory = caller.holding(weights);
      try (CudaMask mask =
          pruner.mask(tensor(dtype, memory), tensor(DType.F32, scoresThere), plan)) {
        assertThat(mask.toHost()).isEqualTo(bits);
      }
      WeightsResult done =
          pruner.prune(tensor(dtype, memory), tensor(DType.F32, scoresThere), plan);
      assertThat(done).isEqualTo(new WeightsResult(pruned(bits), pruned(bits), pruned(bits), 0));
      assertThat(kept(dtype, caller.read(memory, weights.length))).isEqualTo(bits);
    }
  }

  @ParameterizedTest
  @MethodSource("rules")
  void whatIsPrunedElsewhereLeavesTheSource(Rule rule) {
    PruningPlan plan = PruningPlan.of(rule).withSeed(5);
    for (DType dtype : DType.values()) {
      byte[] weights = CallersDevice.weights(dtype, COUNT, 4);
      CUdeviceptr from = caller.holding(weights);
      CUdeviceptr into = caller.holding(new byte[weights.length]);
      pruner.pruneInto(tensor(dtype, from), tensor(dtype, into), plan);
      assertThat(caller.read(from, weights.length)).isEqualTo(weights);
      assertThat(caller.read(into, weights.length)).isEqualTo(reference(dtype, weights, plan));
    }
  }

  @Test
  void tensorsOfOneScopeGetTheirMasksTogetherAndApplyThemInOneLaunch() {
    byte[] a = nonZero(DType.F32, 5);
    byte[] b = nonZero(DType.BF16, 6);
    CUdeviceptr first = caller.holding(a);
    CUdeviceptr second = caller.holding(b);
    Map<String, Tensor> there =
        Map.of("a", tensor(DType.F32, first), "b", tensor(DType.BF16, second));
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5, Scope.GLOBAL));
    try (Pruner reference = Pruner.builder().backend("reference").build()) {
      Map<String, CudaMask> masks = pruner.masks(there, plan);
      long launches = EmulatedDriver.calls("cuLaunchKernel");
      pruner.apply(masks, there);
      assertThat(EmulatedDriver.calls("cuLaunchKernel")).isEqualTo(launches + 1);
      reference.prune(
          Map.of(
              "a", Tensor.of(DType.F32, ByteBuffer.wrap(a), ROWS, COLUMNS),
              "b", Tensor.of(DType.BF16, ByteBuffer.wrap(b), ROWS, COLUMNS)),
          plan);
    }
    assertThat(caller.read(first, a.length)).isEqualTo(a);
    assertThat(caller.read(second, b.length)).isEqualTo(b);
  }

  @Test
  void applyingDoesNotWaitForTheStream() {
    CUdeviceptr memory = caller.holding(nonZero(DType.F32, 7));
    Tensor tensor = tensor(DType.F32, memory);
    try (CudaMask mask = pruner.mask(tensor, PruningPlan.of(Rule.nOfM(2, 7)))) {
      long ran = EmulatedDriver.calls("cuLaunchKernel@run");
      mask.apply(tensor);
      assertThat(EmulatedDriver.calls("cuLaunchKernel@run")).isEqualTo(ran);
      caller.awaitStream();
      assertThat(EmulatedDriver.calls("cuLaunchKernel@run")).isEqualTo(ran + 1);
    }
  }

  @Test
  void masksAreCombinedBitByBit() {
    Random random = new Random(8);
    for (int size : new int[] {1, 7, 8, 31, 32, 33, 200_001}) {
      BitSet a = bits(random, size);
      BitSet b = bits(random, size);
      try (CudaMask x = CudaMask.ofHost(pruner, bytes(a, size), size);
          CudaMask y = CudaMask.ofHost(pruner, bytes(b, size), size)) {
        assertThat(x.toHost()).isEqualTo(bytes(a, size));
        assertThat(x.countPruned()).isEqualTo(size - a.cardinality());
        BitSet and = (BitSet) a.clone();
        and.and(b);
        BitSet or = (BitSet) a.clone();
        or.or(b);
        BitSet andNot = (BitSet) a.clone();
        andNot.andNot(b);
        BitSet not = (BitSet) a.clone();
        not.flip(0, size);
        List<BitSet> expected = List.of(and, or, andNot, not);
        List<CudaMask> made = List.of(x.and(y), x.or(y), x.andNot(y), x.not());
        for (int i = 0; i < made.size(); i++) {
          try (CudaMask mask = made.get(i)) {
            assertThat(mask.toHost()).as("operation %d", i).isEqualTo(bytes(expected.get(i), size));
          }
        }
      }
    }
  }

  private static BitSet bits(Random random, int size) {
    BitSet bits = new BitSet(size);
    random.ints(size, 0, size).forEach(bits::set);
    return bits;
  }

  private static byte[] bytes(BitSet bits, int size) {
    return Arrays.copyOf(bits.toByteArray(), (size + 7) / 8);
  }

  /** Each call of the driver that masks make fails once. */
  @Test
  void aCallThatFailsIsSaidAndLeavesTheWeightsAndNoMaskBehind() {
    byte[] weights = nonZero(DType.F32, 16);
    CUdeviceptr memory = caller.holding(weights);
    Tensor tensor = tensor(DType.F32, memory);
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5));
    long pruned = 0;
    long alive = EmulatedDriver.liveAllocations();
    for (String call :
        List.of(
            "cuMemAllocAsync",
            "cuMemHostAlloc",
            "cuMemsetD8Async",
            "cuMemcpyHtoDAsync",
            "cuLaunchKernel",
            "cuEventCreate",
            "cuMemcpyDtoHAsync")) {
      int failed = 0;
      boolean reached = true;
      for (int n = 1; reached; n++) {
        try (CudaPruner own = CudaPruner.open(0)) {
          long before = EmulatedDriver.calls(call);
          EmulatedDriver.fail(call, n, call.contains("Alloc") ? 2 : 999);
          try (CudaMask mask = own.mask(tensor, plan);
              CudaMask rest = mask.not()) {
            pruned = rest.size() - rest.countPruned();
          } catch (DeviceException e) {
            failed++;
          }
          reached = EmulatedDriver.calls(call) - before >= n;
          EmulatedDriver.fail(call, Long.MAX_VALUE, 0);
        }
        assertThat(EmulatedDriver.liveAllocations()).as("%s %d", call, n).isEqualTo(alive);
      }
      assertThat(failed > 0 || call.contains("Alloc")).as("%s failed", call).isTrue();
    }
    assertThat(pruned).isEqualTo(COUNT / 2);
    assertThat(caller.read(memory, weights.length)).isEqualTo(weights);
  }

  @Test
  void aNanIsRefusedOrKept() {
    byte[] weights = nonZero(DType.F32, 9);
    ByteBuffer.wrap(weights).order(ByteOrder.LITTLE_ENDIAN).putFloat(4 * 123, Float.NaN);
    Tensor tensor = tensor(DType.F32, caller.holding(weights));
    for (Rule rule : List.of(Rule.nOfM(1, 7), Rule.unstructured(0.5))) {
      PruningPlan plan = PruningPlan.of(rule);
      NanWeightsException refused =
          catchThrowableOfType(NanWeightsException.class, () -> pruner.mask(tensor, plan));
      assertThat(refused.index()).isEqualTo(123);
      assertThat(refused.partlyPruned()).as("weights are left as they are").isFalse();
      try (CudaMask mask = pruner.mask(tensor, plan.withNan(NanPolicy.KEEP))) {
        byte[] expected = reference(DType.F32, weights, plan.withNan(NanPolicy.KEEP));
        assertThat(mask.toHost()).isEqualTo(kept(DType.F32, expected));
      }
    }
  }

  @Test
  void whatDoesNotFitIsRefused() {
    Tensor tensor = tensor(DType.F32, caller.holding(nonZero(DType.F32, 10)));
    Tensor half = tensor(DType.BF16, caller.holding(nonZero(DType.BF16, 10)));
    PruningPlan plan = PruningPlan.of(Rule.nOfM(2, 7));
    refused("cannot be pruned so", () -> pruner.mask(tensor, PruningPlan.of(Rule.nOfM(2, 4))));
    refused("must be", () -> pruner.mask(tensor, half, plan));
    refused("does not lie on CUDA device 0", () -> pruner.mask(Tensor.of(new float[7], 7), plan));
    refused("overlaps", () -> pruner.pruneInto(tensor, tensor, plan));
    refused("is not pruned into", () -> pruner.pruneInto(tensor, half, plan));
    PruningPlan random = PruningPlan.of(Rule.nOfM(2, 7).by(new Criterion.Random()));
    refused("scores take the place", () -> pruner.mask(tensor, tensor, random));
    refused("must be 0", () -> CudaMask.ofHost(pruner, new byte[] {8}, 3));
    refused("not 2 bytes", () -> CudaMask.ofHost(pruner, new byte[2], 8));
    try (CudaMask mask = CudaMask.ofHost(pruner, new byte[1], 8);
        CudaMask other = CudaMask.ofHost(pruner, new byte[1], 7)) {
      refused("is not combined with one of 7", () -> mask.and(other));
      refused("is one of 8 weights", () -> mask.apply(tensor));
    }
  }

  @Test
  void aMaskIsClosedAnyNumberOfTimesAndNotUsedAfterwards() {
    CudaMask closed;
    try (CudaMask mask = CudaMask.ofHost(pruner, new byte[1], 8)) {
      closed = mask;
    }
    closed.close();
    assertThatIllegalStateException().isThrownBy(closed::countPruned);
    assertThatIllegalStateException().isThrownBy(closed::not);
  }

  private static void refused(String why, ThrowingCallable c) {
    assertThatIllegalArgumentException().isThrownBy(c).withMessageContaining(why);
  }

  @Test
  void aPrunerClosesItsMasksAndIsNotUsedAfterwards() {
    Tensor tensor = tensor(DType.F32, caller.holding(nonZero(DType.F32, 12)));
    PruningPlan plan = PruningPlan.of(Rule.nOfM(2, 7));
    CudaMask mask;
    CudaPruner closed;
    try (CudaPruner own = CudaPruner.open(0)) {
      closed = own;
      mask = own.mask(tensor, plan);
      mask.apply(tensor);
    }
    closed.close();
    assertThatIllegalStateException().isThrownBy(() -> closed.mask(tensor, plan));
    mask.close();
    assertThatIllegalStateException().isThrownBy(mask::toHost);
  }
}
