package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.PruningOracle.Model;
import dev.coppice.spi.WorkPool;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
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

  /** Where a tensor's memory is. */
  private enum Place {
    ARRAY,
    HEAP_BUFFER,
    DIRECT_BUFFER
  }

  /** Gives the name of the backend. */
  protected abstract String backend();

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
        check(rule, models(random, DType.values()), random);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(DType.class)
  void aGlobalScopeOfOneTypeIsComparedByItsOwnKeys(DType dtype) {
    Random random = new Random(2);
    for (int i = 0; i < 12; i++) {
      check(Rule.unstructured(random.nextDouble(), Scope.GLOBAL), models(random, dtype), random);
    }
  }

  @Test
  void rowsLieAlongTheOutputAxisWhereverItIs() {
    Random random = new Random(3);
    for (int axis = 0; axis < 3; axis++) {
      for (Criterion criterion : criteria()) {
        Model m = model("w", DType.BF16, random, 6, 10, 14);
        check(Rule.unstructured(0.6, Scope.ROW).axes(axis, 0).by(criterion), List.of(m), random);
        Model wide = model("w", DType.F32, random, 3, 2, 700);
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
        check(rule.axes(0, 1), List.of(model("w", dtype, random, 5, 2L * m)), random);
        check(rule.axes(1, 0), List.of(model("w", dtype, random, 3L * m, 7)), random);
        check(rule.axes(0, 1), List.of(model("w", dtype, random, 2, m, 3, 2)), random);
        check(rule.axes(1, 0), List.of(model("w", dtype, random, m, 333)), random);
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
        List<Model> models = models(random, DType.values());
        if (cap == 0.5) { // Then every tensor's share is the cap: rounding must not ask for more.
          models.removeIf(m -> m.bits.length % 2 == 1);
        }
        check(rule, models, random);
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
  void aLargeScopeNeedsNoLuckWithTheFirstWindow() {
    Random random = new Random(7);
    int n = 700_001;
    for (DType dtype : DType.values()) {
      for (int kind = 0; kind < 4; kind++) {
        int[] bits = new int[n];
        for (int i = 0; i < n; i++) {
          bits[i] =
              switch (kind) {
                case 0 -> bits(dtype, (float) random.nextGaussian());
                case 1 -> i < n / 2 ? 0 : bits(dtype, 1 + i % 3); // ties only
                case 2 -> i % 4096 < 256 ? bits(dtype, 1000 + i % 7) : bits(dtype, i % 5);
                default -> bits(dtype, (float) Math.exp(random.nextGaussian() * 20));
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
        List<Model> models = models(random, DType.values());
        sprinkleNans(models, random);
        Rule rule =
            Rule.of(new Pattern.Unstructured(scope, new Amount.Fraction(0.5))).by(criterion);
        check(rule, models, random, NanPolicy.KEEP);
      }
    }
    Model m = model("w", DType.F16, random, 40, 8);
    sprinkleNans(List.of(m), random);
    check(Rule.nOfM(2, 4), List.of(m), random, NanPolicy.KEEP);
  }

  @Test
  void aRefusedNanIsNamedAndNothingOfATwoPassTensorChanges() {
    Random random = new Random(9);
    Model m = model("w", DType.F32, random, 10, 1000);
    m.bits[7001] = 0x7FC0_0000;
    m.bits[9001] = 0x7FC0_0000;
    ByteBuffer memory = direct(m);
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
    Model m = model("w", DType.F32, new Random(10), 100, 1000);
    try (Pruner pruner =
        Pruner.builder()
            .backend(backend())
            .pool(POOL)
            .sliceBytes(256)
            .cancellation(cancellation)
            .listener((phase, done, total) -> cancellation.cancel())
            .build()) {
      cancellation.cancel();
      Tensor tensor = Tensor.of(m.dtype, direct(m), m.shape.toArray());
      PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5));
      assertThatThrownBy(() -> pruner.prune(tensor, plan))
          .isInstanceOf(PruningCancelledException.class);
    }
  }

  @Test
  void anInterruptedCallEndsAndTheThreadStaysInterrupted() {
    Model m = model("w", DType.F32, new Random(11), 100, 1000);
    try (Pruner pruner = pruner(256)) {
      Tensor tensor = Tensor.of(m.dtype, direct(m), m.shape.toArray());
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> pruner.prune(tensor, PruningPlan.of(Rule.unstructured(0.5))))
          .isInstanceOf(PruningCancelledException.class);
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  private static List<Criterion> criteria() {
    return List.of(new Criterion.Magnitude(), new Criterion.Random());
  }

  private static List<Model> models(Random random, DType... dtypes) {
    List<Model> models = new ArrayList<>();
    String[] names = {"a", "b", "b\u00e9", "b\uffee", "b\ud83d\ude00", "z"}; // in UTF-8 order
    for (int i = 0; i < names.length; i++) {
      DType dtype = dtypes[i % dtypes.length];
      models.add(model(names[i], dtype, random, 1 + random.nextInt(20), 1 + random.nextInt(90)));
    }
    return models;
  }

  /**
   * Makes weights of few different values, so that ties are everywhere, some of them zero, some
   * infinite.
   */
  private static Model model(String name, DType dtype, Random random, long... shape) {
    int n = (int) Shape.of(shape).elements();
    int[] bits = new int[n];
    int values = 2 + random.nextInt(40);
    for (int i = 0; i < n; i++) {
      float value = random.nextInt(values) / 8f * (random.nextBoolean() ? 1 : -1);
      bits[i] = bits(dtype, random.nextInt(200) == 0 ? Float.POSITIVE_INFINITY : value);
    }
    return new Model(name, dtype, bits, shape);
  }

  private static int bits(DType dtype, float value) {
    int bits = Float.floatToRawIntBits(value);
    return switch (dtype) {
      case F32 -> bits;
      case BF16 -> bits >>> 16;
      case F16 -> half(value);
    };
  }

  private static int half(float value) {
    int sign = Float.floatToRawIntBits(value) >>> 16 & 0x8000;
    float size = Math.abs(value);
    if (size >= 65520) {
      return sign | 0x7C00;
    }
    if (size < 0x1p-14f) {
      return sign | (int) (size * 0x1p24f);
    }
    int bits = Float.floatToRawIntBits(size);
    return sign | (((bits >>> 23) - 112) << 10) | ((bits >>> 13) & 0x3FF);
  }

  private static void sprinkleNans(List<Model> models, Random random) {
    for (Model m : models) {
      for (int i = 0; i < m.bits.length; i++) {
        if (random.nextInt(9) == 0) {
          m.bits[i] = m.dtype.largestKey() + 1 + random.nextInt(50);
        }
      }
    }
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
    for (int sliceBytes : new int[] {64, 72, 1000, 1 << 20}) {
      for (Place place : Place.values()) {
        Map<String, ByteBuffer> memory = new LinkedHashMap<>();
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        List<Runnable> fetch = new ArrayList<>();
        for (int i = models.size() - 1; i >= 0; i--) { // in another order than that of positions
          lay(models.get(i), place, memory, tensors, fetch);
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

  private static void lay(
      Model m,
      Place place,
      Map<String, ByteBuffer> memory,
      Map<String, Tensor> tensors,
      List<Runnable> fetch) {
    ByteBuffer bytes = direct(m);
    long[] shape = m.shape.toArray();
    if (place == Place.ARRAY && m.dtype == DType.F32) {
      float[] array = new float[m.bits.length];
      bytes.asFloatBuffer().get(array);
      tensors.put(m.name, Tensor.of(array, shape));
      fetch.add(() -> bytes.asFloatBuffer().put(array));
    } else if (place == Place.ARRAY) {
      short[] array = new short[m.bits.length];
      bytes.asShortBuffer().get(array);
      tensors.put(m.name, Tensor.of(m.dtype, array, shape));
      fetch.add(() -> bytes.asShortBuffer().put(array));
    } else if (place == Place.HEAP_BUFFER) {
      ByteBuffer heap = ByteBuffer.allocate(bytes.capacity());
      heap.put(bytes.duplicate()).flip();
      tensors.put(m.name, Tensor.of(m.dtype, heap, shape));
      fetch.add(() -> bytes.duplicate().put(heap.duplicate()));
    } else {
      tensors.put(m.name, Tensor.of(m.dtype, bytes, shape));
    }
    memory.put(m.name, bytes);
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

  private static ByteBuffer direct(Model m) {
    ByteBuffer bytes =
        ByteBuffer.allocateDirect(m.bits.length * m.dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < m.bits.length; i++) {
      if (m.dtype.bytes() == 4) {
        bytes.putInt(4 * i, m.bits[i]);
      } else {
        bytes.putShort(2 * i, (short) m.bits[i]);
      }
    }
    return bytes;
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
    ByteBuffer bytes = direct(m);
    try (Pruner pruner = pruner(1 << 16)) {
      PruningReport report =
          pruner.prune(
              Tensor.of(m.dtype, bytes, m.shape.toArray()),
              PruningPlan.of(Rule.unstructured(sparsity)));
      assertThat(report.pruned()).isEqualTo((long) Math.rint(sparsity * n));
      for (int i = 0; i < report.pruned(); i++) {
        m.bits[n - 1 - (int) order[i]] = 0;
      }
      assertThat(bytes).isEqualTo(direct(m));
    }
  }
}
