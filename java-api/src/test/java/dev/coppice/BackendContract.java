package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.PruningOracle.Model;
import dev.coppice.spi.WorkPool;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What every backend must do with whole tensors, to the bit: the same bytes as sorting gives,
 * whatever the slices, the threads and the memory. Kernels have a contract of their own; this one
 * is about what binds them together.
 */
public abstract class BackendContract {
  private static final WorkPool POOL = new WorkPool(3);

  /** Gives the name of the backend. */
  protected abstract String backend();

  /** Gives the sizes of slices that are tried; a backend that pays for each slice may try fewer. */
  protected int[] sliceSizes() {
    return new int[] {64, 72, 1000, 1 << 20};
  }

  @BeforeAll
  static void theOracleIsRight() {
    Model m = new Model("m", DType.F32, new int[] {0x3F80_0000, 0xBF80_0000, 0, 5}, 4);
    PruningOracle.prune(List.of(m), Rule.unstructured(0.75), 0);
    assertThat(m.bits).containsExactly(0x3F80_0000, 0, 0, 0);
  }

  @ParameterizedTest
  @EnumSource(Scope.class)
  void everyScopePrunesExactlyWhatSortingPrunes(Scope scope) {
    Random random = new Random(1);
    for (double sparsity : new double[] {0, 0.1, 0.5, 0.77, 0.999, 1}) {
      for (Criterion criterion : criteria()) {
        Rule rule =
            Rule.of(new Pattern.Unstructured(scope, new Amount.Fraction(sparsity))).by(criterion);
        check(rule, RandomModels.models(random, DType.values()), random);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void aGlobalScopeOfOneTypeIsComparedByItsOwnKeys(DType dtype) {
    Random random = new Random(2);
    for (int i = 0; i < 12; i++) {
      check(
          Rule.unstructured(random.nextDouble(), Scope.GLOBAL),
          RandomModels.models(random, dtype),
          random);
    }
  }

  @Test
  void rowsLieAlongTheOutputAxisWhereverItIs() {
    Random random = new Random(3);
    for (int axis = 0; axis < 3; axis++) {
      for (Criterion criterion : criteria()) {
        Model m = RandomModels.model("w", DType.BF16, random, 6, 10, 14);
        check(Rule.unstructured(0.6, Scope.ROW).axes(axis, 0).by(criterion), List.of(m), random);
        Model wide = RandomModels.model("w", DType.F32, random, 3, 2, 700);
        check(Rule.unstructured(0.3, Scope.ROW).axes(axis, 0).by(criterion), List.of(wide), random);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"1:2", "2:4", "1:4", "4:8", "3:5", "16:32"})
  void groupsLieAlongTheReductionAxisWhereverItIs(String pattern) {
    Random random = new Random(4);
    int colon = pattern.indexOf(':');
    int n = Integer.parseInt(pattern.substring(0, colon));
    int m = Integer.parseInt(pattern.substring(colon + 1));
    for (DType dtype : DType.values()) {
      for (Criterion criterion : criteria()) {
        Rule rule = Rule.nOfM(n, m).by(criterion);
        check(rule.axes(0, 1), List.of(RandomModels.model("w", dtype, random, 5, 2L * m)), random);
        check(rule.axes(1, 0), List.of(RandomModels.model("w", dtype, random, 3L * m, 7)), random);
        check(rule.axes(0, 1), List.of(RandomModels.model("w", dtype, random, 2, m, 3, 2)), random);
        check(rule.axes(1, 0), List.of(RandomModels.model("w", dtype, random, m, 333)), random);
        check(rule.axes(1, 0), List.of(RandomModels.model("w", dtype, random, 2L * m, 72)), random);
      }
    }
  }

  @Test
  void aCapHoldsForEveryTensorOfAGlobalScope() {
    Random random = new Random(5);
    for (double cap : new double[] {0.5, 0.51, 0.7, 0.9, 1}) {
      for (Criterion criterion : criteria()) {
        Rule rule =
            Rule.of(
                    new Pattern.Unstructured(
                        Scope.GLOBAL, new Amount.Fraction(0.5), OptionalDouble.of(cap)))
                .by(criterion);
        for (DType[] dtypes : List.of(DType.values(), new DType[] {DType.F16})) {
          List<Model> models = RandomModels.models(random, dtypes);
          if (cap == 0.5) { // Then every tensor's share is the cap: rounding must not ask for more.
            models.removeIf(m -> m.bits.length % 2 == 1);
          }
          check(rule, models, random);
        }
      }
    }
  }

  @Test
  void aCapThatLeavesTooLittleIsRefused() {
    Rule rule =
        Rule.of(
            new Pattern.Unstructured(
                Scope.GLOBAL, new Amount.Fraction(0.5), OptionalDouble.of(0.4)));
    try (Pruner pruner = pruner(1024)) {
      Map<String, Tensor> tensors = Map.of("a", Tensor.of(new float[100], 10, 10));
      PruningPlan plan = PruningPlan.of(rule);
      assertThatThrownBy(() -> pruner.prune(tensors, plan))
          .isInstanceOf(InvalidPlanException.class)
          .hasMessageContaining("at most 40 weights go, fewer than the 50");
    }
  }

  @Test
  protected void aLargeScopeNeedsNoLuckWithTheFirstWindow() {
    Random random = new Random(7);
    int n = 700_001;
    for (DType dtype : DType.values()) {
      for (int kind = 0; kind < 4; kind++) {
        int[] bits = new int[n];
        for (int i = 0; i < n; i++) {
          bits[i] =
              switch (kind) {
                case 0 -> RandomModels.bits(dtype, (float) random.nextGaussian());
                case 1 -> i < n / 2 ? 0 : RandomModels.bits(dtype, 1 + i % 3); // ties only
                case 2 ->
                    i % 4096 < 256
                        ? RandomModels.bits(dtype, 1000 + i % 7)
                        : RandomModels.bits(dtype, i % 5);
                default -> RandomModels.bits(dtype, (float) Math.exp(random.nextGaussian() * 20));
              };
        }
        for (double sparsity : new double[] {0.5, 0.9, 0.00001}) {
          Model m = new Model("w", dtype, bits.clone(), 1, n);
          checkBySorting(m, sparsity);
        }
      }
    }
  }

  @Test
  void keptNansStayAndDoNotCount() {
    Random random = new Random(8);
    for (Scope scope : Scope.values()) {
      for (Criterion criterion : criteria()) {
        List<Model> models = RandomModels.models(random, DType.values());
        RandomModels.sprinkleNans(models, random);
        Rule rule =
            Rule.of(new Pattern.Unstructured(scope, new Amount.Fraction(0.5))).by(criterion);
        check(rule, models, random, NanPolicy.KEEP);
      }
    }
    Model m = RandomModels.model("w", DType.F16, random, 40, 8);
    RandomModels.sprinkleNans(List.of(m), random);
    check(Rule.nOfM(2, 4), List.of(m), random, NanPolicy.KEEP);
  }

  @Test
  void aRefusedNanIsNamedAndNothingOfATwoPassTensorChanges() {
    Random random = new Random(9);
    Model m = RandomModels.model("w", DType.F32, random, 10, 1000);
    m.bits[7001] = 0x7FC0_0000;
    m.bits[9001] = 0x7FC0_0000;
    ByteBuffer memory = RandomModels.direct(m);
    ByteBuffer before = ByteBuffer.allocate(memory.capacity()).put(memory.duplicate()).flip();
    try (Pruner pruner = pruner(1024)) {
      Tensor tensor = Tensor.of(m.dtype, memory, m.shape.toArray());
      assertThatThrownBy(() -> pruner.prune(tensor, PruningPlan.of(Rule.unstructured(0.5))))
          .isInstanceOfSatisfying(
              NanWeightsException.class,
              e -> {
                assertThat(e.index()).isEqualTo(7001);
                assertThat(e.partlyPruned()).isFalse();
              });
      assertThat(memory).isEqualTo(before);
      assertThatThrownBy(() -> pruner.prune(tensor, PruningPlan.of(Rule.nOfM(2, 4))))
          .isInstanceOfSatisfying(
              NanWeightsException.class,
              e -> {
                assertThat(e.index()).isEqualTo(7001);
                assertThat(e.partlyPruned()).isTrue();
              });
    }
  }

  @Test
  void aCancelledCallEnds() {
    Cancellation cancellation = new Cancellation();
    Model m = RandomModels.model("w", DType.F32, new Random(10), 100, 1000);
    try (Pruner pruner =
        Pruner.builder()
            .backend(backend())
            .pool(POOL)
            .sliceBytes(256)
            .cancellation(cancellation)
            .listener((phase, done, total) -> cancellation.cancel())
            .build()) {
      cancellation.cancel();
      Tensor tensor = Tensor.of(m.dtype, RandomModels.direct(m), m.shape.toArray());
      PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5));
      assertThatThrownBy(() -> pruner.prune(tensor, plan))
          .isInstanceOf(PruningCancelledException.class);
    }
  }

  @Test
  void anInterruptedCallEndsAndTheThreadStaysInterrupted() {
    Model m = RandomModels.model("w", DType.F32, new Random(11), 100, 1000);
    try (Pruner pruner = pruner(256)) {
      Tensor tensor = Tensor.of(m.dtype, RandomModels.direct(m), m.shape.toArray());
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> pruner.prune(tensor, PruningPlan.of(Rule.unstructured(0.5))))
          .isInstanceOf(PruningCancelledException.class);
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  private static List<Criterion> criteria() {
    return List.of(new Criterion.Magnitude(), new Criterion.Random());
  }

  private Pruner pruner(int sliceBytes) {
    return Pruner.builder().backend(backend()).pool(POOL).sliceBytes(sliceBytes).build();
  }

  private void check(Rule rule, List<Model> models, Random random) {
    check(rule, models, random, NanPolicy.REFUSE);
  }

  private void check(Rule rule, List<Model> models, Random random, NanPolicy nan) {
    long seed = random.nextLong();
    PruningPlan plan = new PruningPlan(List.of(rule), seed, nan);
    List<Model> expected =
        models.stream()
            .map(m -> new Model(m.name, m.dtype, m.bits.clone(), m.shape.toArray()))
            .toList();
    PruningOracle.prune(expected, rule, seed);
    for (int sliceBytes : sliceSizes()) {
      for (RandomModels.Place place : RandomModels.Place.values()) {
        Map<String, ByteBuffer> memory = new LinkedHashMap<>();
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        List<Runnable> fetch = new ArrayList<>();
        for (int i = models.size() - 1; i >= 0; i--) { // in another order than that of positions
          RandomModels.lay(models.get(i), place, memory, tensors, fetch);
        }
        try (Pruner pruner = pruner(sliceBytes)) {
          PruningReport report = pruner.prune(tensors, plan);
          fetch.forEach(Runnable::run);
          for (int i = 0; i < models.size(); i++) {
            compare(
                models.get(i), expected.get(i), memory, report, rule + ", slices of " + sliceBytes);
          }
        }
      }
    }
  }

  private static void compare(
      Model before,
      Model after,
      Map<String, ByteBuffer> memory,
      PruningReport report,
      String what) {
    ByteBuffer bytes = Objects.requireNonNull(memory.get(before.name));
    long newlyZero = 0;
    long zeros = 0;
    for (int i = 0; i < after.bits.length; i++) {
      int actual = after.dtype.bytes() == 4 ? bytes.getInt(4 * i) : bytes.getShort(2 * i) & 0xFFFF;
      if (actual != after.bits[i]) {
        assertThat(actual)
            .as("%s[%d] of %s %s, %s", before.name, i, before.dtype, before.shape, what)
            .isEqualTo(after.bits[i]);
      }
      zeros += after.key(i) == 0 ? 1 : 0;
      newlyZero += after.key(i) == 0 && before.key(i) != 0 ? 1 : 0;
    }
    for (PruningReport.TensorReport row : report.tensors()) {
      if (row.tensor().name().equals(before.name)) {
        assertThat(row.newlyZero()).as(what).isEqualTo(newlyZero);
        assertThat(row.zeros()).as(what).isEqualTo(zeros);
      }
    }
  }

  /**
   * Compares with a sort of packed (key, position) words, for sizes that the oracle is too slow
   * for.
   */
  private void checkBySorting(Model m, double sparsity) {
    int n = m.bits.length;
    long[] order = new long[n];
    for (int i = 0; i < n; i++) {
      order[i] = (long) m.key(i) << 32 | (n - 1 - i);
    }
    Arrays.sort(order);
    ByteBuffer bytes = RandomModels.direct(m);
    try (Pruner pruner = pruner(1 << 16)) {
      PruningReport report =
          pruner.prune(
              Tensor.of(m.dtype, bytes, m.shape.toArray()),
              PruningPlan.of(Rule.unstructured(sparsity)));
      assertThat(report.pruned()).isEqualTo((long) Math.rint(sparsity * n));
      for (int i = 0; i < report.pruned(); i++) {
        m.bits[n - 1 - (int) order[i]] = 0;
      }
      assertThat(bytes).isEqualTo(RandomModels.direct(m));
    }
  }
}
