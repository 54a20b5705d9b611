package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.InvalidPlanException;
import dev.coppice.Scope;
import dev.coppice.graph.Group.Kind;
import dev.coppice.graph.ShrinkRequest.Criterion;
import dev.coppice.reference.ReferenceProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SolverTest {
  @TempDir static Path folder;

  private Shrinker shrinker;

  @BeforeEach
  void open() throws IOException {
    shrinker = Shrinker.open(RealModel.RESNET.file(folder), Map.of());
  }

  private static ShrinkRequest request(
      double fraction, Scope scope, int roundTo, double floor, Set<Kind> kinds, String... keep) {
    return new ShrinkRequest(
        Metric.MACS, fraction, Criterion.L2, scope, roundTo, floor, kinds, List.of(keep), 0);
  }

  private static double left(Shrinkage done) {
    return done.after(Metric.MACS) / done.before(Metric.MACS);
  }

  @Test
  void everyScopeReachesTheTargetAndHardlyMore() {
    for (Scope scope : List.of(Scope.GLOBAL, Scope.TENSOR)) {
      for (double fraction : new double[] {1, 0.9, 0.5, 0.3}) {
        Shrinkage done = shrinker.shrink(request(fraction, scope, 1, 0.1, ShrinkRequest.KINDS));
        assertThat(left(done)).isLessThanOrEqualTo(fraction).isGreaterThan(fraction - 0.05);
      }
    }
  }

  @Test
  void countsAreMultiplesAndNoGroupFallsBelowTheFloor() {
    Shrinkage done = shrinker.shrink(request(0.4, Scope.GLOBAL, 8, 0.3, ShrinkRequest.KINDS));
    assertThat(left(done)).isLessThanOrEqualTo(0.4);
    assertThat(done.parts())
        .allMatch(part -> part.kept() % 8 == 0)
        .allMatch(part -> part.kept() >= 0.3 * part.group().units().size());
  }

  @Test
  void whatIsKeptByNameStaysWhole() {
    Shrinkage done =
        shrinker.shrink(
            request(0.7, Scope.GLOBAL, 1, 0.1, ShrinkRequest.KINDS, "stem.*", "node_Conv_245"));
    for (Shrinkage.Part part : done.parts()) {
      Set<String> tensors = Set.copyOf(part.group().slots().stream().map(Slot::tensor).toList());
      if (tensors.contains("stem.0.weight") || tensors.contains("layers.5.conv2.weight")) {
        assertThat(part.kept()).isEqualTo(part.group().units().size());
      }
    }
    assertThat(left(done)).isLessThanOrEqualTo(0.7);
  }

  @Test
  void aTargetThatCannotBeReachedIsRefusedWithWhatCan() {
    assertThatThrownBy(
            () -> shrinker.shrink(request(0.1, Scope.GLOBAL, 1, 0.9, ShrinkRequest.KINDS)))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("macs=0.1 cannot be reached");
    assertThatThrownBy(
            () -> shrinker.shrink(request(0.5, Scope.TENSOR, 1, 0, EnumSet.of(Kind.HEADS))))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("1.0000 of the macs are left");
  }

  @Test
  void aNameThatMatchesNothingIsRefused() {
    assertThatThrownBy(
            () ->
                shrinker.shrink(request(0.5, Scope.GLOBAL, 1, 0, ShrinkRequest.KINDS, "layer.77")))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("layer.77");
  }

  @Test
  void theSmallestUnitsGoFirst() {
    Graph graph =
        new ModelBuilder()
            .input("x", 1, 2)
            .floats("a", new float[] {3, 1, 2, 2, 3, 1, 2, 2}, 2, 4)
            .floats("b", new float[] {1, 1, 1, 1, 1, 1, 1, 1}, 4, 2)
            .node("MatMul", "x a", "h")
            .node("MatMul", "h b", "y")
            .output("y", 1, 2)
            .graph();
    AxisClasses classes = Coupling.of(graph, Shapes.infer(graph, Map.of()));
    List<Group> groups = Groups.of(graph, classes);
    Importance importance =
        new Importance(
            graph,
            Reduction.in(graph, Shapes.infer(graph, Map.of())),
            Map.of(),
            new SliceSums(new ReferenceProvider().create(0)),
            Criterion.L2,
            0);
    Ranking ranking = importance.of(groups.get(0), unit -> false).orElseThrow();
    Costs costs = new Costs(graph, Shapes.infer(graph, Map.of()), classes);
    assertThat(costs.total(Metric.MACS)).isEqualTo(16);
    Set<Integer> gone =
        Solver.solve(
            Map.of(groups.get(0), ranking),
            costs,
            request(0.75, Scope.GLOBAL, 1, 0, ShrinkRequest.KINDS));
    assertThat(gone).containsExactly(groups.get(0).units().get(1).classId());
    assertThat(costs.total(Metric.MACS)).isEqualTo(12);
  }
}
