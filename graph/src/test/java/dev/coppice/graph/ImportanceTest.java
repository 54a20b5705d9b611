package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.coppice.InvalidPlanException;
import dev.coppice.NanWeightsException;
import dev.coppice.graph.ShrinkRequest.Criterion;
import dev.coppice.reference.ReferenceProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ImportanceTest {
  private static final SliceSums SUMS = new SliceSums(new ReferenceProvider().create(0));

  @TempDir static Path folder;

  /** A product of [2, 3] and one of [3, 2] behind it. */
  private static Graph twoProducts(float[] first, float[] second) {
    return new ModelBuilder()
        .input("x", 1, 2)
        .floats("a", first, 2, 3)
        .floats("b", second, 3, 2)
        .node("MatMul", "x a", "h")
        .node("MatMul", "h b", "y")
        .output("y", 1, 2)
        .graph();
  }

  private static Group only(Graph graph) {
    Shapes shapes = Shapes.infer(graph, Map.of());
    List<Group> groups = Groups.of(graph, Coupling.of(graph, shapes));
    assertThat(groups).hasSize(1);
    return groups.get(0);
  }

  private static Optional<Ranking> rank(Graph graph, Group group, Criterion criterion) {
    List<Reduction> reductions = Reduction.in(graph, Shapes.infer(graph, Map.of()));
    return new Importance(graph, reductions, Map.of(), SUMS, criterion, 0).of(group, unit -> false);
  }

  private static Ranking rank(Graph graph, Criterion criterion) {
    return rank(graph, only(graph), criterion).orElseThrow();
  }

  @Test
  void squaresCountByTheShareOfEachWeight() {
    // Columns of a: 25, 1, 4 of 30. Rows of b: 1, 13, 0 of 14. So 0.9048, 0.9619, 0.1333 of 2.
    Graph graph = twoProducts(new float[] {3, 0, 0, 4, 1, -2}, new float[] {1, 0, -2, 3, 0, 0});
    Ranking ranking = rank(graph, Criterion.L2);
    assertThat(ranking.order()).containsExactly(2, 0, 1);
    assertThat(ranking.loss(1)).isCloseTo(-Math.log(1 - 4 / 60.0), within(1e-12));
    assertThat(ranking.loss(2)).isCloseTo(-Math.log((1 / 30.0 + 13 / 14.0) / 2), within(1e-12));
    assertThat(ranking.loss(3)).isGreaterThan(20).isFinite();
  }

  @Test
  void absoluteValuesCountByTheShareOfEachWeight() {
    // Columns of a: 7, 1, 4 of 12. Rows of b: 1, 4, 3 of 8. So 0.7083, 0.5833, 0.7083 of 2.
    Graph graph = twoProducts(new float[] {3, 0, -2, 4, 1, -2}, new float[] {1, 0, -2, 2, 0, 3});
    Ranking ranking = rank(graph, Criterion.L1);
    assertThat(ranking.order()).containsExactly(1, 2, 0);
    assertThat(ranking.loss(1)).isCloseTo(-Math.log(1 - (1 / 12.0 + 4 / 8.0) / 2), within(1e-12));
  }

  @Test
  void distancesAreThoseToAllOtherUnits() {
    Random random = new Random(5);
    float[] a = new float[2 * 3];
    float[] b = new float[3 * 2];
    for (int i = 0; i < 6; i++) {
      a[i] = (float) random.nextGaussian();
      b[i] = (float) random.nextGaussian();
    }
    double[] scores = new double[3];
    for (int weight = 0; weight < 2; weight++) {
      double[] apart = new double[3];
      for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
          double x = weight == 0 ? a[i] - a[j] : b[2 * i] - b[2 * j];
          double y = weight == 0 ? a[3 + i] - a[3 + j] : b[2 * i + 1] - b[2 * j + 1];
          apart[i] += Math.sqrt(x * x + y * y);
        }
      }
      double sum = Arrays.stream(apart).sum();
      Arrays.setAll(scores, i -> scores[i] + apart[i] / sum);
    }
    Ranking ranking = rank(twoProducts(a, b), Criterion.FPGM);
    Ranking expected = Ranking.of(scores, 1);
    assertThat(ranking.order()).isEqualTo(expected.order());
    for (int count = 0; count <= 3; count++) {
      assertThat(ranking.loss(count)).isCloseTo(expected.loss(count), within(1e-6));
    }
  }

  private static Graph normed() {
    return new ModelBuilder()
        .input("x", 1, 2, 4, 4)
        .weight("w1", 3, 2, 3, 3)
        .weight("w2", 4, 3, 1, 1)
        .weight("w3", 2, 4, 1, 1)
        .floats("scale", new float[] {-0.5f, 0.1f, 2}, 3)
        .floats("shift", new float[] {9, 8, 7}, 3)
        .floats("mean", new float[] {0, 0, 0}, 3)
        .floats("variance", new float[] {1, 1, 1}, 3)
        .node("Conv", "x w1", "c1")
        .node("BatchNormalization", "c1 scale shift mean variance", "n1")
        .node("Relu", "n1", "r1")
        .node("Conv", "r1 w2", "c2")
        .node("Relu", "c2", "r2")
        .node("Conv", "r2 w3", "y")
        .output("y", 1, 2, 2, 2)
        .graph();
  }

  @Test
  void scalesOfBatchNormsAreAllThatCountsAndGroupsWithoutStayWhole() {
    Graph graph = normed();
    Shapes shapes = Shapes.infer(graph, Map.of());
    List<Group> groups = Groups.of(graph, Coupling.of(graph, shapes));
    assertThat(groups).hasSize(2);
    Ranking ranking = rank(graph, groups.get(0), Criterion.BN_SCALE).orElseThrow();
    assertThat(ranking.order()).containsExactly(1, 0, 2);
    assertThat(ranking.loss(1)).isCloseTo(-Math.log(2.5 / 2.6), within(1e-7));
    assertThat(rank(graph, groups.get(1), Criterion.BN_SCALE)).isEmpty();
  }

  @Test
  void aModelWithoutBatchNormsIsRefused() throws IOException {
    Shrinker shrinker = Shrinker.open(RealModel.RESNET.file(folder), Map.of());
    ShrinkRequest request = ShrinkRequest.of(Metric.MACS, 0.9).by(Criterion.BN_SCALE);
    assertThatThrownBy(() -> shrinker.shrink(request))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("bn-scale looks at batch norms, and no group has one");
  }

  @Test
  void activationsWithoutDataAreRefused() throws IOException {
    Shrinker shrinker = Shrinker.open(RealModel.RESNET.file(folder), Map.of());
    ShrinkRequest request = ShrinkRequest.of(Metric.MACS, 0.9).by(Criterion.ACTIVATION);
    assertThatThrownBy(() -> shrinker.shrink(request))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessage("the criterion activation looks at calibration data, and there is none");
  }

  @ParameterizedTest
  @EnumSource(names = {"L2", "L1", "FPGM"})
  void aWeightThatIsNoNumberIsRefused(Criterion criterion) {
    Graph graph = twoProducts(new float[] {1, 2, 3, 4, 5, Float.NaN}, new float[6]);
    assertThatThrownBy(() -> rank(graph, criterion))
        .isInstanceOf(NanWeightsException.class)
        .hasMessageContaining("\"a\" is NaN at index 5");
  }

  @ParameterizedTest
  @EnumSource(names = {"L2", "L1", "FPGM"})
  void ofUnitsThatAreAllZeroTheLastGoesFirstAndForNothing(Criterion criterion) {
    Ranking ranking = rank(twoProducts(new float[6], new float[6]), criterion);
    assertThat(ranking.order()).containsExactly(2, 1, 0);
    assertThat(ranking.loss(3)).isZero();
  }

  @ParameterizedTest
  @EnumSource(names = {"L2", "L1", "FPGM"})
  void anInfiniteWeightIsTheLargest(Criterion criterion) {
    float[] first = {1, Float.NEGATIVE_INFINITY, 2, 1, 1, 2};
    Ranking ranking = rank(twoProducts(first, new float[] {1, 1, 1, 1, 2, 2}), criterion);
    assertThat(ranking.order().get(2)).isEqualTo(1);
    assertThat(ranking.loss(3)).isFinite().isPositive();
  }

  @Test
  void aUnitThatIsFreeGoesFirstAndForNothing() {
    Graph graph = twoProducts(new float[] {9, 1, 1, 9, 1, 1}, new float[] {9, 9, 1, 1, 1, 1});
    List<Reduction> reductions = Reduction.in(graph, Shapes.infer(graph, Map.of()));
    Ranking ranking =
        new Importance(graph, reductions, Map.of(), SUMS, Criterion.L2, 0)
            .of(only(graph), unit -> unit == 0)
            .orElseThrow();
    assertThat(ranking.order()).containsExactly(0, 2, 1);
    assertThat(ranking.loss(1)).isZero();
    assertThat(ranking.loss(2)).isPositive();
  }

  @Test
  void aRandomOrderDependsOnTheSeedAlone() {
    Graph graph = normed();
    Shapes shapes = Shapes.infer(graph, Map.of());
    Group group = Groups.of(graph, Coupling.of(graph, shapes)).get(1);
    List<List<Integer>> orders = new ArrayList<>();
    for (int seed : new int[] {0, 0, 1, 2, 3}) {
      Importance importance =
          new Importance(graph, List.of(), Map.of(), SUMS, Criterion.RANDOM, seed);
      orders.add(importance.of(group, unit -> true).orElseThrow().order());
    }
    assertThat(orders.get(0)).containsExactlyInAnyOrder(0, 1, 2, 3).isEqualTo(orders.get(1));
    assertThat(Set.copyOf(orders)).hasSizeGreaterThan(1);
  }
}
