package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OrtException;
import dev.coppice.graph.ShrinkRequest.Criterion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RealModelTest {
  private static final int TARGETS = 10;

  @TempDir static Path folder;

  @ParameterizedTest
  @EnumSource
  void whatIsLeftAnswersLikeTheDenseModelWithZeros(RealModel model)
      throws IOException, OrtException {
    // Transformers are large: here three targets, so that the test takes seconds.
    requireProof(model, 0, model.isTransformer() ? 3 : TARGETS);
  }

  @Tag("long")
  @ParameterizedTest
  @EnumSource(names = {"MINILM", "BGE"})
  void soDoTransformersAtTheOtherTargets(RealModel model) throws IOException, OrtException {
    requireProof(model, 3, TARGETS);
  }

  private static void requireProof(RealModel model, int from, int to)
      throws IOException, OrtException {
    Graph graph = ModelFile.read(model.file(folder));
    Shapes shapes = Shapes.infer(graph, Map.of());
    AxisClasses classes = Coupling.of(graph, shapes);
    for (int i = from; i < to; i++) {
      Set<Integer> gone = anyUnits(Groups.of(graph, classes), new Random(i));
      Cut cut = new Cut(classes, gone);
      byte[] small = tapped(Surgeon.remove(graph, shapes, cut), graph);
      byte[] zeroed = tapped(Surgeon.zero(graph, cut), graph);
      assertThat(small.length).isLessThan(zeroed.length);
      float[] found = OnnxRuntime.run(small, model.sizes(), i);
      float[] expected = OnnxRuntime.run(zeroed, model.sizes(), i);
      assertThat(furthest(found, expected)).isLessThan(2e-5);
    }
  }

  /** Makes an output of what the last Sigmoid or Softmax sees: probabilities hide differences. */
  static byte[] tapped(ModelProto model, Graph graph) {
    String value = graph.outputs().iterator().next();
    Node maker = graph.maker(value);
    while (maker != null && Set.of("Sigmoid", "Softmax", "Identity").contains(maker.op())) {
      value = maker.input(0);
      maker = graph.maker(value);
    }
    ModelProto.Builder tapped = model.toBuilder();
    if (!graph.outputs().contains(value)) {
      tapped.getGraphBuilder().addOutput(ValueInfoProto.newBuilder().setName(value));
    }
    return tapped.build().toByteArray();
  }

  /** Takes from each group a share of its own, and leaves one unit at least. */
  static Set<Integer> anyUnits(Iterable<Group> groups, Random random) {
    Set<Integer> gone = new HashSet<>();
    for (Group group : groups) {
      double share = random.nextDouble();
      int left = group.units().size();
      for (Group.Unit unit : group.units()) {
        if (left > 1 && random.nextDouble() < share) {
          gone.add(unit.classId());
          left--;
        }
      }
    }
    return gone;
  }

  /** Gives the largest difference, relative to the largest value. */
  static double furthest(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double largest = 1e-3;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    double furthest = 0;
    for (int i = 0; i < found.length; i++) {
      double difference = Math.abs(found[i] - (double) expected[i]);
      furthest = Double.isNaN(difference) ? difference : Math.max(furthest, difference);
    }
    assertThat(furthest).isNotNaN();
    return furthest / largest;
  }

  @ParameterizedTest
  @EnumSource
  void shapesAreThoseThatOnnxRuntimeMakes(RealModel model) throws IOException, OrtException {
    Graph graph = ModelFile.read(model.file(folder));
    Shapes shapes = Shapes.infer(graph, model.sizes());
    ModelProto.Builder tapped = graph.model().toBuilder();
    for (Node node : graph.nodes()) {
      if (!node.op().equals("Constant") && !graph.outputs().contains(node.output(0))) {
        tapped.getGraphBuilder().addOutput(ValueInfoProto.newBuilder().setName(node.output(0)));
      }
    }
    Map<String, long[]> made = OnnxRuntime.shapes(tapped.build().toByteArray(), model.sizes());
    int known = 0;
    for (Map.Entry<String, long[]> value : made.entrySet()) {
      long[] found = Objects.requireNonNull(shapes.of(value.getKey()), value.getKey());
      assertThat(found).as(value.getKey()).hasSameSizeAs(value.getValue());
      for (int i = 0; i < found.length; i++) {
        if (Dim.isKnown(found[i])) {
          assertThat(found[i]).as(value.getKey()).isEqualTo(value.getValue()[i]);
          known++;
        }
      }
    }
    long all = made.values().stream().mapToLong(shape -> shape.length).sum();
    assertThat(known).as("of %d sizes", all).isGreaterThan((int) (0.6 * all));
  }

  @ParameterizedTest
  @EnumSource
  void theTargetIsReachedAndTheModelRuns(RealModel model) throws IOException, OrtException {
    Shrinker shrinker = Shrinker.open(model.file(folder), model.sizes());
    Shrinkage half = shrinker.shrink(ShrinkRequest.of(Metric.MACS, 0.7));
    double left = half.after(Metric.MACS) / half.before(Metric.MACS);
    assertThat(left).isLessThanOrEqualTo(0.7).isGreaterThan(0.6);
    assertThat(half.parts()).allMatch(part -> part.kept() > 0);
    float[] answer = OnnxRuntime.run(half.model(), model.sizes(), 0);
    assertThat(answer).doesNotContain(Float.NaN);
    Path file = folder.resolve("small-" + model + ".onnx");
    half.write(file, true);
    Costs counted =
        new Costs(
            ModelFile.read(file),
            Shapes.infer(ModelFile.read(file), model.sizes()),
            new AxisClasses(file));
    for (Metric metric : Metric.values()) {
      assertThat(counted.total(metric)).isEqualTo(half.after(metric));
    }
  }

  @ParameterizedTest
  @EnumSource
  void onnxRuntimeFusesAsMuchOfWhatIsLeft(RealModel model) throws IOException, OrtException {
    Path file = model.file(folder);
    byte[] small =
        Shrinker.open(file, model.sizes()).shrink(ShrinkRequest.of(Metric.MACS, 0.6)).model();
    assertThat(fused(small)).isEqualTo(fused(Files.readAllBytes(file)));
  }

  /** Counts what ONNX Runtime makes of a model, but for its changes of memory layout. */
  private static Map<String, Integer> fused(byte[] model) throws IOException, OrtException {
    Map<String, Integer> counts = OnnxRuntime.optimized(model);
    counts.keySet().removeAll(Set.of("ReorderInput", "ReorderOutput"));
    return counts;
  }

  @Test
  void theTransformersUnitsAreItsHeadsAndItsFeedForwardNeurons() throws IOException {
    Shrinker shrinker = Shrinker.open(RealModel.MINILM.file(folder), Map.of());
    assertThat(shrinker.groups()).hasSize(12);
    for (int layer = 0; layer < 6; layer++) {
      Group heads = shrinker.groups().get(2 * layer);
      assertThat(heads.kind()).isEqualTo(Group.Kind.HEADS);
      assertThat(heads.units()).hasSize(12);
      assertThat(heads.slots()).hasSize(7);
      assertThat(heads.units().get(3).indices())
          .allSatisfy(
              indices -> assertThat(indices).isEqualTo(Arrays.stream(indices).sorted().toArray()))
          .allSatisfy(indices -> assertThat(indices).hasSize(32).startsWith(96).endsWith(127));
      Group neurons = shrinker.groups().get(2 * layer + 1);
      assertThat(neurons.kind()).isEqualTo(Group.Kind.NEURONS);
      assertThat(neurons.units()).hasSize(1536);
    }
    assertThat(shrinker.frozen()).hasSize(36).allMatch(f -> f.reason().contains("ReduceMean"));
  }

  @Test
  void theResidualStreamOfAClassifierIsOneGroup() throws IOException {
    Shrinker shrinker = Shrinker.open(RealModel.RESNET.file(folder), Map.of());
    Group stream = shrinker.groups().get(0);
    assertThat(stream.slots())
        .extracting(Slot::tensor)
        .contains("stem.0.weight", "layers.0.conv2.weight", "layers.1.conv2.weight")
        .contains("layers.0.conv1.weight", "layers.2.conv1.weight", "layers.2.down.0.weight");
    assertThat(shrinker.frozen())
        .singleElement()
        .satisfies(frozen -> assertThat(frozen.tensor()).isEqualTo("fc.weight"));
  }

  @Test
  void aRandomChoiceIsTheSameForTheSameSeed() throws IOException {
    Shrinker shrinker = Shrinker.open(RealModel.MOBILE.file(folder), Map.of());
    ShrinkRequest request = ShrinkRequest.of(Metric.PARAMS, 0.5).by(Criterion.RANDOM);
    assertThat(shrinker.shrink(request).model()).isEqualTo(shrinker.shrink(request).model());
    assertThat(shrinker.shrink(request).model())
        .isNotEqualTo(shrinker.shrink(ShrinkRequest.of(Metric.PARAMS, 0.5)).model());
  }
}
