package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import ai.onnxruntime.OrtException;
import dev.coppice.graph.Group.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Small graphs, cut by every unit in turn and compared with zeros by ONNX Runtime. */
class CouplingTest {
  private static final long OPEN = -1;

  /** Finds the groups, and proves each unit by itself and all first halves together. */
  private static List<Group> proven(ModelBuilder builder, Map<String, long[]> sizes)
      throws OrtException {
    Graph graph = builder.graph();
    Shapes shapes = Shapes.infer(graph, Map.of());
    AxisClasses classes = Coupling.of(graph, shapes);
    List<Group> groups = Groups.of(graph, classes);
    for (Group group : groups) {
      for (Group.Unit unit : group.units()) {
        prove(graph, shapes, new Cut(classes, Set.of(unit.classId())), sizes);
      }
    }
    Set<Integer> half =
        groups.stream()
            .flatMap(group -> group.units().subList(0, group.units().size() / 2).stream())
            .map(Group.Unit::classId)
            .collect(Collectors.toSet());
    prove(graph, shapes, new Cut(classes, half), sizes);
    return groups;
  }

  private static void prove(Graph graph, Shapes shapes, Cut cut, Map<String, long[]> sizes)
      throws OrtException {
    float[] small = OnnxRuntime.run(Surgeon.remove(graph, shapes, cut).toByteArray(), sizes, 1);
    float[] zeroed = OnnxRuntime.run(Surgeon.zero(graph, cut).toByteArray(), sizes, 1);
    assertThat(small).hasSameSizeAs(zeroed);
    for (int i = 0; i < small.length; i++) {
      assertThat((double) small[i]).isCloseTo(zeroed[i], offset(1e-4 * (1 + Math.abs(zeroed[i]))));
    }
  }

  private static AxisClasses classes(ModelBuilder builder) {
    Graph graph = builder.graph();
    return Coupling.of(graph, Shapes.infer(graph, Map.of()));
  }

  private static String reason(AxisClasses classes, String value, int axis) {
    return classes.frozen(classes.atom(value, axis, 0)).orElse("none");
  }

  @Test
  void aConcatKeepsItsPartsApart() throws OrtException {
    List<Group> groups =
        proven(
            new ModelBuilder()
                .input("x", OPEN, 3, 6, 6)
                .weight("a", 4, 3, 1, 1)
                .weight("b", 6, 3, 1, 1)
                .weight("c", 5, 10, 3, 3)
                .weight("d", 2, 5, 1, 1)
                .node("Conv", "x a", "xa")
                .node("Conv", "x b", "xb")
                .node("Concat", "xa xb", "both", "axis", 1L)
                .node("Sigmoid", "both", "on")
                .node("Conv", "on c", "xc")
                .node("Conv", "xc d", "y")
                .output("y", OPEN, 2, 4, 4),
            Map.of("x", new long[] {2, 3, 6, 6}));
    assertThat(groups).hasSize(3).allMatch(group -> group.kind() == Kind.CHANNELS);
    assertThat(groups.get(0).slots()).containsExactly(new Slot("a", 0), new Slot("c", 1));
    assertThat(groups.stream().filter(g -> g.slots().contains(new Slot("b", 0))))
        .singleElement()
        .satisfies(b -> assertThat(b.units().get(0).indices().get(1)).containsExactly(4));
  }

  @Test
  void aSplitIsCutWithItsSizes() throws OrtException {
    for (long opset : new long[] {11, 17}) {
      ModelBuilder gated =
          new ModelBuilder()
              .opset(opset)
              .input("x", OPEN, 8)
              .weight("in", 8, 12)
              .weight("out", 6, 3)
              .integers("sizes", 6, 6)
              .node("MatMul", "x in", "h");
      List<String> parts = List.of("gate", "up");
      if (opset < 13) {
        gated.node("Split", List.of("h"), parts, "axis", 1L, "split", new long[] {6, 6});
      } else {
        gated.node("Split", List.of("h", "sizes"), parts, "axis", 1L);
      }
      gated
          .node("Sigmoid", "gate", "open")
          .node("Mul", "open up", "gated")
          .node("MatMul", "gated out", "y")
          .output("y", OPEN, 3);
      List<Group> groups = proven(gated, Map.of("x", new long[] {2, 8}));
      assertThat(groups)
          .singleElement()
          .satisfies(g -> assertThat(g.kind()).isEqualTo(Kind.NEURONS))
          .satisfies(g -> assertThat(g.units()).hasSize(6))
          .satisfies(g -> assertThat(g.units().get(2).indices().get(0)).containsExactly(2, 8));
    }
  }

  @Test
  void aSliceIsCutWithItsBounds() throws OrtException {
    List<Group> groups =
        proven(
            new ModelBuilder()
                .input("x", OPEN, 8)
                .weight("in", 8, 10)
                .weight("out", 4, 3)
                .weight("rest", 6, 3)
                .integers("from", 2)
                .integers("to", 6)
                .integers("axis", 1)
                .integers("zero", 0)
                .integers("two", 4)
                .integers("end", Long.MAX_VALUE)
                .node("MatMul", "x in", "h")
                .node("Slice", "h from to axis", "middle")
                .node("Slice", "h two end axis", "tail")
                .node("MatMul", "middle out", "y1")
                .node("MatMul", "tail rest", "y2")
                .node("Add", "y1 y2", "y")
                .output("y", OPEN, 3),
            Map.of("x", new long[] {2, 8}));
    // Units 0 and 1 enter no product; 2 and 3 the first; 4 and 5 both; the others the second.
    assertThat(groups).extracting(g -> g.units().size()).containsExactlyInAnyOrder(2, 2, 2, 4);
  }

  @Test
  void groupedQueriesLoseWholeGroups() throws OrtException {
    List<Group> groups = proven(groupedQueries(), Map.of("x", new long[] {2, 5, 16}));
    assertThat(groups)
        .singleElement()
        .satisfies(g -> assertThat(g.kind()).isEqualTo(Kind.HEADS))
        .satisfies(g -> assertThat(g.units()).hasSize(2))
        .satisfies(
            g ->
                assertThat(g.units().get(1).indices())
                    .extracting(Arrays::toString)
                    .contains("[8, 9, 10, 11, 12, 13, 14, 15]", "[4, 5, 6, 7]"));
  }

  /** Four heads of queries on two of keys and values, each of four channels. */
  private static ModelBuilder groupedQueries() {
    return new ModelBuilder()
        .input("x", OPEN, -2, 16)
        .weight("wq", 16, 16)
        .weight("wk", 16, 8)
        .weight("wv", 16, 8)
        .weight("wo", 16, 16)
        .integers("q_shape", 0, 0, 4, 4)
        .integers("kv_shape", 0, 0, 2, 4)
        .integers("two", 2)
        .integers("repeat", 1, 1, 2, 1, 1)
        .integers("merged", 0, 4, -1, 4)
        .integers("flat", 0, 0, 16)
        .node("MatMul", "x wq", "q0")
        .node("Reshape", "q0 q_shape", "q1")
        .node("Transpose", "q1", "q", "perm", new long[] {0, 2, 1, 3})
        .node("MatMul", "x wk", "k0")
        .node("Reshape", "k0 kv_shape", "k1")
        .node("Transpose", "k1", "k2", "perm", new long[] {0, 2, 1, 3})
        .node("Unsqueeze", "k2 two", "k3")
        .node("Expand", "k3 repeat", "k4")
        .node("Reshape", "k4 merged", "k5")
        .node("Transpose", "k5", "k", "perm", new long[] {0, 1, 3, 2})
        .node("MatMul", "x wv", "v0")
        .node("Reshape", "v0 kv_shape", "v1")
        .node("Transpose", "v1", "v2", "perm", new long[] {0, 2, 1, 3})
        .node("Unsqueeze", "v2 two", "v3")
        .node("Expand", "v3 repeat", "v4")
        .node("Reshape", "v4 merged", "v")
        .node("MatMul", "q k", "scores")
        .node("Softmax", "scores", "weights", "axis", -1L)
        .node("MatMul", "weights v", "mixed")
        .node("Transpose", "mixed", "turned", "perm", new long[] {0, 2, 1, 3})
        .node("Reshape", "turned flat", "joined")
        .node("MatMul", "joined wo", "y")
        .output("y", OPEN, -2, 16);
  }

  @Test
  void fewLargeGroupsLoseTheSameChannelOfEach() throws OrtException {
    List<Group> groups = proven(grouped(2, 12), Map.of("x", new long[] {1, 3, 5, 5}));
    assertThat(groups.stream().filter(g -> g.slots().contains(new Slot("a", 0))))
        .singleElement()
        .satisfies(g -> assertThat(g.units()).hasSize(6))
        .satisfies(g -> assertThat(g.units().get(1).indices().get(0)).containsExactly(1, 7));
  }

  @Test
  void manySmallGroupsGoWhole() throws OrtException {
    for (int groups : new int[] {4, 12}) {
      int each = 12 / groups;
      assertThat(proven(grouped(groups, 12), Map.of("x", new long[] {1, 3, 5, 5})))
          .singleElement()
          .satisfies(g -> assertThat(g.units()).hasSize(groups))
          .satisfies(g -> assertThat(g.units().get(1).indices().get(0)).hasSize(each));
    }
  }

  private static ModelBuilder grouped(long groups, long channels) {
    return new ModelBuilder()
        .input("x", OPEN, 3, 5, 5)
        .weight("a", channels, 3, 1, 1)
        .weight("b", channels, channels / groups, 3, 3)
        .weight("bias", channels)
        .weight("c", 2, channels, 1, 1)
        .node("Conv", "x a", "xa")
        .node("Conv", "xa b bias", "xb", "group", groups)
        .node("Conv", "xb c", "y")
        .output("y", OPEN, 2, 3, 3);
  }

  @Test
  void flatteningAnImageMakesEachChannelSeveralColumns() throws OrtException {
    List<Group> groups =
        proven(
            new ModelBuilder()
                .input("x", OPEN, 1, 4, 4)
                .weight("a", 3, 1, 3, 3)
                .weight("b", 12, 5)
                .node("Conv", "x a", "h")
                .node("Flatten", "h", "flat")
                .node("Gemm", "flat b", "y")
                .output("y", OPEN, 5),
            Map.of("x", new long[] {2, 1, 4, 4}));
    assertThat(groups)
        .singleElement()
        .satisfies(g -> assertThat(g.units().get(1).indices().get(1)).containsExactly(4, 5, 6, 7));
  }

  @Test
  void aTiedWeightIsCutOnce() throws OrtException {
    List<Group> groups =
        proven(
            new ModelBuilder()
                .input("x", OPEN, 4)
                .weight("in", 4, 6)
                .weight("tied", 6, 6)
                .weight("out", 6, 2)
                .node("MatMul", "x in", "h")
                .node("MatMul", "h tied", "i")
                .node("Relu", "i", "j")
                .node("MatMul", "j tied", "k")
                .node("MatMul", "k out", "y")
                .output("y", OPEN, 2),
            Map.of("x", new long[] {2, 4}));
    assertThat(groups)
        .singleElement()
        .satisfies(g -> assertThat(g.units().get(0).indices()).hasSize(4));
  }

  @Test
  void channelsThatAreNormalisedTogetherGoTogether() throws OrtException {
    for (long opset : new long[] {18, 21}) {
      List<Group> groups =
          proven(
              new ModelBuilder()
                  .opset(opset)
                  .input("x", OPEN, 3, 5, 5)
                  .weight("a", 8, 3, 1, 1)
                  .weight("scale", opset < 21 ? 4 : 8)
                  .weight("shift", opset < 21 ? 4 : 8)
                  .weight("b", 2, 8, 1, 1)
                  .node("Conv", "x a", "h")
                  .node("GroupNormalization", "h scale shift", "n", "num_groups", 4L)
                  .node("Conv", "n b", "y")
                  .output("y", OPEN, 2, 5, 5),
              Map.of("x", new long[] {2, 3, 5, 5}));
      assertThat(groups)
          .singleElement()
          .satisfies(g -> assertThat(g.units()).hasSize(4))
          .satisfies(g -> assertThat(g.units().get(1).indices().get(0)).containsExactly(2, 3));
    }
  }

  @Test
  void aNormOfGroupsThatIsWrittenWithReshapesLosesWholeGroups() throws OrtException {
    List<Group> groups =
        proven(
            new ModelBuilder()
                .input("x", OPEN, 3, 5, 5)
                .weight("a", 8, 3, 1, 1)
                .weight("ones", 4)
                .weight("zeros", 4)
                .weight("scale", 8, 1, 1)
                .weight("shift", 8, 1, 1)
                .weight("b", 2, 8, 1, 1)
                .integers("groups", 0, 4, -1)
                .node("Conv", "x a", "h")
                .node("Reshape", "h groups", "g")
                .node("InstanceNormalization", "g ones zeros", "n")
                .node("Shape", "h", "shape")
                .node("Reshape", "n shape", "back")
                .node("Mul", "back scale", "m")
                .node("Add", "m shift", "z")
                .node("Conv", "z b", "y")
                .output("y", OPEN, 2, 5, 5),
            Map.of("x", new long[] {2, 3, 5, 5}));
    assertThat(groups)
        .singleElement()
        .satisfies(g -> assertThat(g.units()).hasSize(4))
        .satisfies(g -> assertThat(g.units().get(3).indices().get(0)).containsExactly(6, 7));
  }

  @Test
  void aShapeThatIsCastOnItsWayIsWrittenAnew() throws OrtException {
    for (long type : new long[] {6, 7}) {
      List<Group> groups =
          proven(
              new ModelBuilder()
                  .input("x", OPEN, 3, 4, 4)
                  .weight("a", 8, 3, 1, 1)
                  .weight("b", 8, 2)
                  .integers("zero", 0)
                  .integers("one", 1)
                  .index("channels", 1)
                  .node("Conv", "x a", "h")
                  .node("GlobalAveragePool", "h", "p")
                  .node("Shape", "p", "s")
                  .node("Cast", "s", "s32", "to", 6L)
                  .node("Slice", "s32 zero one", "batch")
                  .node("Gather", "s32 one", "width")
                  .node("Concat", List.of("batch", "width"), List.of("t32"), "axis", 0L)
                  .node("Cast", "t32", "t", "to", 7L)
                  .node("Reshape", "p t", "flat")
                  .node("Gather", "s channels", "count")
                  .node("Cast", "count", "c", "to", type)
                  .node("Cast", "c", "f", "to", 1L)
                  .node("Div", "flat f", "d")
                  .node("MatMul", "d b", "y")
                  .output("y", OPEN, 2),
              Map.of("x", new long[] {2, 3, 4, 4}));
      assertThat(groups).singleElement().satisfies(g -> assertThat(g.units()).hasSize(8));
    }
  }

  @Test
  void whatALoopOrAScanGoesOverIsFrozenAndTheRestIsCut() throws OrtException {
    for (String op : List.of("Loop", "Scan")) {
      ModelBuilder builder =
          new ModelBuilder()
              .input("x", 2, 4)
              .weight("a", 4, 6)
              .weight("b", 6, 5)
              .weight("c", 5, 3)
              .node("MatMul", "x a", "h")
              .node("MatMul", "h b", "i");
      (op.equals("Loop") ? builder.loop("i", "j") : builder.scan("i", "j"))
          .node("MatMul", "j c", "y")
          .output("y", 2, 3);
      assertThat(reason(classes(builder), "b", 1)).isNotEmpty();
      assertThat(proven(builder, Map.of("x", new long[] {2, 4})))
          .singleElement()
          .satisfies(g -> assertThat(g.slots()).contains(new Slot("a", 1), new Slot("b", 0)));
    }
  }

  @Test
  void whatANestedGraphUsesIsFrozenAndTheRestIsCut() throws OrtException {
    ModelBuilder builder =
        new ModelBuilder()
            .input("x", 2, 4)
            .weight("a", 4, 6)
            .weight("b", 6, 5)
            .weight("c", 5, 3)
            .node("MatMul", "x a", "h")
            .node("MatMul", "h b", "i")
            .branch("i", "j", "x")
            .node("MatMul", "j c", "y")
            .output("y", 2, 3);
    assertThat(reason(classes(builder), "b", 1)).contains("is used in a nested graph");
    assertThat(proven(builder, Map.of("x", new long[] {2, 4})))
        .singleElement()
        .satisfies(g -> assertThat(g.slots()).contains(new Slot("a", 1), new Slot("b", 0)));
  }

  @Test
  void anUnknownOperatorFreezesWhatTouchesItAndNothingElse() {
    AxisClasses classes =
        classes(
            new ModelBuilder()
                .input("x", OPEN, 4)
                .weight("a", 4, 6)
                .weight("b", 6, 8)
                .weight("c", 8, 2)
                .node("MatMul", "x a", "h")
                .node("MatMul", "h b", "i")
                .node("Frobnicate", "i", "j")
                .node("MatMul", "j c", "y")
                .output("y", OPEN, 2));
    assertThat(reason(classes, "a", 1)).isEqualTo("none");
    assertThat(reason(classes, "b", 1)).contains("Frobnicate the_j");
    assertThat(reason(classes, "c", 0))
        .isEqualTo("MatMul the_y works on \"j\", whose shape is not known");
  }

  @Test
  void aReshapeThatFoldsChannelsWithTheBatchIsNamed() {
    AxisClasses classes =
        classes(
            new ModelBuilder()
                .input("x", OPEN, 4)
                .weight("a", 4, 6)
                .weight("b", 3, 2)
                .integers("shape", -1, 3)
                .node("MatMul", "x a", "h")
                .node("Reshape", "h shape", "i")
                .node("MatMul", "i b", "y")
                .output("y", -3, 2));
    assertThat(reason(classes, "a", 1))
        .isEqualTo("Reshape the_i folds it with an axis of an open size");
  }

  @Test
  void aSizeThatIsNeededAndOpenFreezesWhatNeedsItAndNothingElse() throws OrtException {
    ModelBuilder builder =
        new ModelBuilder()
            .input("x", OPEN, -2, 5, 5)
            .weight("a", 4, 1, 1, 1)
            .weight("b", 6, 4, 1, 1)
            .weight("c", 2, 6, 1, 1)
            .node("ReduceMean", "x", "m", "axes", new long[] {1})
            .node("Conv", "x a", "first")
            .node("Conv", "m a", "ma")
            .node("Conv", "ma b", "mb")
            .node("Conv", "mb c", "y1")
            .node("ReduceMean", "first", "f", "axes", new long[] {1})
            .node("Add", "y1 f", "y")
            .output("y", OPEN, 2, 5, 5);
    assertThat(reason(classes(builder), "a", 0)).contains("has an open number of channels");
    assertThat(proven(builder, Map.of("x", new long[] {2, 1, 5, 5})))
        .singleElement()
        .satisfies(g -> assertThat(g.slots()).contains(new Slot("b", 0), new Slot("c", 1)));
    ModelBuilder rankless =
        new ModelBuilder().rankless("x").weight("w", 4, 3).node("MatMul", "x w", "y");
    assertThat(reason(classes(rankless.output("y", 2, 3)), "w", 1))
        .contains("\"x\", whose shape is not known");
  }

  @Test
  void aNormalisedAxisIsFrozen() {
    AxisClasses classes =
        classes(
            new ModelBuilder()
                .input("x", OPEN, 4)
                .weight("a", 4, 6)
                .weight("scale", 6)
                .weight("b", 6, 2)
                .node("MatMul", "x a", "h")
                .node("LayerNormalization", "h scale", "i")
                .node("MatMul", "i b", "y")
                .output("y", OPEN, 2));
    assertThat(reason(classes, "a", 1)).contains("normalises over it");
  }

  @Test
  void aProductOfActivationsThatAreNotZeroWhereZeroedIsFrozen() {
    AxisClasses classes =
        classes(
            new ModelBuilder()
                .input("x", -1, -2, 4)
                .weight("a", 4, 6)
                .node("MatMul", "x a", "h")
                .node("Sigmoid", "h", "i")
                .node("Transpose", "i", "j", "perm", new long[] {0, 2, 1})
                .node("MatMul", "i j", "y")
                .output("y", -1, -2, -2));
    assertThat(reason(classes, "a", 1)).contains("is summed over without weights");
  }

  @Test
  @Timeout(30)
  void fiveThousandNodesAreShrunkInSeconds(@TempDir Path folder) throws IOException {
    ModelBuilder deep = new ModelBuilder().input("x", OPEN, 3, 32, 32).weight("in", 32, 3, 1, 1);
    deep.node("Conv", "x in", "h0");
    for (int i = 0; i < 625; i++) {
      deep.weight("u" + i, 64, 32, 1, 1).weight("w" + i, 64, 1, 1, 1).weight("d" + i, 32, 64, 1, 1);
      deep.node("Conv", "h" + i + " u" + i, "a" + i)
          .node("Relu", "a" + i, "b" + i)
          .node("Conv", "b" + i + " w" + i, "c" + i, "group", 64L)
          .node("Sigmoid", "c" + i, "g" + i)
          .node("Mul", "c" + i + " g" + i, "e" + i)
          .node("Conv", "e" + i + " d" + i, "f" + i)
          .node("Add", "f" + i + " h" + i, "s" + i)
          .node("Relu", "s" + i, "h" + (i + 1));
    }
    deep.weight("out", 9, 32, 1, 1).node("Conv", "h625 out", "y").output("y", OPEN, 9, 32, 32);
    Path file = Files.write(folder.resolve("deep.onnx"), deep.model().toByteArray());
    Shrinker shrinker = Shrinker.open(file, Map.of());
    Shrinkage half = shrinker.shrink(ShrinkRequest.of(Metric.MACS, 0.5));
    assertThat(shrinker.groups()).hasSize(626);
    assertThat(shrinker.blocks()).hasSize(625);
    assertThat(half.after(Metric.MACS) / half.before(Metric.MACS)).isBetween(0.45, 0.5);
    assertThat(ModelFile.read(file).nodes()).hasSize(5002);
  }
}
