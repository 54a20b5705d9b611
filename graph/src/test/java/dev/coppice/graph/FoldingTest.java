package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OrtException;
import dev.coppice.Scope;
import dev.coppice.graph.ShrinkRequest.Criterion;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FoldingTest {
  @TempDir static Path folder;

  /** Numbers of which those of the slices 1 and 3 of an axis are zero. */
  private static float[] dead(int axis, long seed, int... shape) {
    int count = 1;
    int inner = 1;
    for (int i = 0; i < shape.length; i++) {
      count *= shape[i];
      inner *= i > axis ? shape[i] : 1;
    }
    Random random = new Random(seed);
    float[] numbers = new float[count];
    for (int i = 0; i < count; i++) {
      numbers[i] = i / inner % shape[axis] % 2 == 1 ? 0 : (float) random.nextGaussian();
    }
    return numbers;
  }

  private static Shrinkage shrink(ModelBuilder builder, double params) throws IOException {
    Path file = Files.createTempFile(folder, "model", ".onnx");
    Files.write(file, builder.model().toByteArray());
    return Shrinker.open(file, Map.of())
        .shrink(
            new ShrinkRequest(
                Metric.PARAMS,
                params,
                Criterion.L2,
                Scope.GLOBAL,
                1,
                0,
                ShrinkRequest.KINDS,
                List.of(),
                0));
  }

  private static void answersTheSame(byte[] small, byte[] dense, Map<String, long[]> sizes)
      throws OrtException {
    float[] found = OnnxRuntime.run(small, sizes, 1);
    float[] expected = OnnxRuntime.run(dense, sizes, 1);
    assertThat(found).hasSameSizeAs(expected);
    float largest = 1e-3f;
    for (float value : expected) {
      largest = Math.max(largest, Math.abs(value));
    }
    assertThat(found).containsExactly(expected, within(2e-6f * largest));
  }

  private static void nothingChanges(
      ModelBuilder builder, double params, int kept, Map<String, long[]> sizes)
      throws IOException, OrtException {
    Shrinkage done = shrink(builder, params);
    assertThat(done.parts()).extracting(Shrinkage.Part::kept).contains(kept);
    answersTheSame(done.model(), builder.model().toByteArray(), sizes);
    answersTheSame(done.model(), done.zeroed(), sizes);
  }

  private static ModelBuilder neurons(String activation) {
    return new ModelBuilder()
        .opset(20)
        .input("x", -1, 3)
        .floats("a", dead(1, 1, 3, 4), 3, 4)
        .weight("shift", 4)
        .weight("b", 4, 5)
        .node("MatMul", "x a", "m")
        .node("Add", "m shift", "s")
        .node(activation, "s", "h");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Abs",
        "Elu",
        "Erf",
        "Exp",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "LeakyRelu",
        "Neg",
        "Relu",
        "Sigmoid",
        "Softplus",
        "Tanh"
      })
  void whatAnActivationMakesOfTheBiasMoves(String activation) throws IOException, OrtException {
    nothingChanges(
        neurons(activation).node("MatMul", "h b", "y").output("y", -1, 5),
        0.65,
        2,
        Map.of("x", new long[] {4, 3}));
  }

  @Test
  void itMovesIntoABiasThatIsThere() throws IOException, OrtException {
    nothingChanges(
        neurons("Sigmoid")
            .weight("c", 5)
            .node("MatMul", "h b", "p")
            .node("Add", "c p", "y")
            .output("y", -1, 5),
        0.7,
        2,
        Map.of("x", new long[] {4, 3}));
    nothingChanges(
        neurons("Sigmoid").weight("c", 5).node("Gemm", "h b c", "y").output("y", -1, 5),
        0.7,
        2,
        Map.of("x", new long[] {4, 3}));
  }

  @Test
  void repairHasNothingToMendWhereTheConstantsMoved() throws IOException, OrtException {
    Map<String, long[]> sizes = Map.of("x", new long[] {64, 3});
    for (ModelBuilder model :
        List.of(
            neurons("Sigmoid").node("MatMul", "h b", "p").node("Relu", "p", "y"),
            neurons("Sigmoid")
                .weight("c", 5)
                .node("MatMul", "h b", "p")
                .node("Add", "c p", "q")
                .node("Relu", "q", "y"))) {
      Shrinkage done = shrink(model.output("y", -1, 5), 0.7);
      Repair repair = done.repair(new RandomCalibration(sizes, 4));
      assertThat(repair.layers()).extracting(Repair.Layer::name).containsExactly("the_p");
      answersTheSame(repair.model(), model.model().toByteArray(), sizes);
    }
  }

  @Test
  void aBiasThatOthersUseTooIsNotChanged() throws IOException, OrtException {
    nothingChanges(
        neurons("Sigmoid")
            .weight("c", 5)
            .node("Gemm", "h b c", "p")
            .node("Add", "p c", "y")
            .output("y", -1, 5),
        0.7,
        2,
        Map.of("x", new long[] {4, 3}));
  }

  @Test
  void theBiasOfAProductThatIsCutItselfIsCutToo() throws IOException, OrtException {
    Shrinkage done =
        shrink(
            neurons("Sigmoid")
                .weight("d", 5, 2)
                .node("MatMul", "h b", "p")
                .node("Relu", "p", "q")
                .node("MatMul", "q d", "y")
                .output("y", -1, 2),
            0.4);
    assertThat(done.parts()).allMatch(part -> part.kept() < part.group().units().size());
    Map<String, long[]> sizes = Map.of("x", new long[] {4, 3});
    answersTheSame(done.model(), done.zeroed(), sizes);
  }

  private static ModelBuilder channels(ModelBuilder begun) {
    return begun
        .input("x", -1, 2, 6, 6)
        .floats("w", dead(0, 2, 4, 2, 3, 3), 4, 2, 3, 3)
        .weight("scale", 4)
        .weight("shift", 4)
        .weight("mean", 4)
        .floats("variance", new float[] {1, 2, 3, 4}, 4)
        .node("Conv", "x w", "c", "pads", new long[] {1, 1, 1, 1})
        .node("BatchNormalization", "c scale shift mean variance", "n")
        .node("Sigmoid", "n", "h");
  }

  @Test
  void theShiftOfANormMovesThroughPoolingAndFlattening() throws IOException, OrtException {
    Map<String, long[]> sizes = Map.of("x", new long[] {2, 2, 6, 6});
    nothingChanges(
        channels(new ModelBuilder())
            .weight("v", 36, 5)
            .node(
                "MaxPool",
                "h",
                "p",
                "kernel_shape",
                new long[] {2, 2},
                "strides",
                new long[] {2, 2})
            .node("Flatten", "p", "f")
            .node("Gemm", "f v", "y")
            .output("y", -1, 5),
        0.6,
        2,
        sizes);
  }

  @Test
  void aConvolutionWithoutPaddingTakesIt() throws IOException, OrtException {
    Map<String, long[]> sizes = Map.of("x", new long[] {2, 2, 6, 6});
    nothingChanges(
        channels(new ModelBuilder())
            .weight("v", 5, 4, 3, 3)
            .node("Conv", "h v", "y", "strides", new long[] {2, 1})
            .output("y", -1, 5, 2, 4),
        0.55,
        2,
        sizes);
  }

  @Test
  void whereAConvolutionPadsNothingMovesAndTheUnitIsNotFree() throws IOException {
    ModelBuilder builder =
        channels(new ModelBuilder())
            .weight("v", 5, 4, 3, 3)
            .node("Conv", "h v", "y", "pads", new long[] {1, 1, 1, 1})
            .output("y", -1, 5, 6, 6);
    Graph graph = builder.graph();
    Shapes shapes = Shapes.infer(graph, Map.of());
    AxisClasses classes = Coupling.of(graph, shapes);
    Folding folding = new Folding(graph, shapes, classes, Reduction.in(graph, shapes));
    Group group = Groups.of(graph, classes).get(0);
    Cut cut = new Cut(classes, java.util.Set.of(group.units().get(1).classId()));
    assertThat(folding.isFree(group, 1)).isFalse();
    assertThat(folding.sums(cut)).isEmpty();
    assertThat(shrink(builder, 0.55).model()).isNotEmpty();
  }

  @Test
  void aUnitWhoseConsumersHaveNoWeightsForItIsFree() throws IOException, OrtException {
    nothingChanges(
        new ModelBuilder()
            .input("x", -1, 3)
            .weight("a", 3, 4)
            .floats("b", dead(0, 4, 4, 5), 4, 5)
            .node("MatMul", "x a", "m")
            .node("Exp", "m", "h")
            .node("MatMul", "h b", "y")
            .output("y", -1, 5),
        0.51,
        2,
        Map.of("x", new long[] {4, 3}));
  }

  @Test
  void aConstantThatActivationsMeetWithoutWeightsIsNotFree() {
    Graph graph =
        new ModelBuilder()
            .input("x", 6, 3)
            .floats("a", dead(1, 1, 3, 4), 3, 4)
            .weight("c", 3, 4)
            .weight("b", 4, 5)
            .node("MatMul", "x a", "q")
            .node("MatMul", "x c", "k")
            .node("Transpose", "k", "t", "perm", new long[] {1, 0})
            .node("MatMul", "q t", "z")
            .node("MatMul", "q b", "y")
            .output("y", 6, 5)
            .output("z", 6, 6)
            .graph();
    Shapes shapes = Shapes.infer(graph, Map.of());
    AxisClasses classes = Coupling.of(graph, shapes);
    Folding folding = new Folding(graph, shapes, classes, Reduction.in(graph, shapes));
    Group group = Groups.of(graph, classes).get(0);
    assertThat(folding.isFree(group, 1)).isFalse();
  }

  @Test
  void neuronsOfATransformerThatWerePrunedGoWithoutChangingAnything()
      throws IOException, OrtException {
    Graph graph = ModelFile.read(RealModel.MINILM.file(folder));
    Shapes shapes = Shapes.infer(graph, Map.of());
    Group neurons =
        Groups.of(graph, Coupling.of(graph, shapes)).stream()
            .filter(group -> group.kind() == Group.Kind.NEURONS)
            .findFirst()
            .orElseThrow();
    Slot weight =
        neurons.slots().stream()
            .filter(slot -> slot.axis() == 1 && rank(graph, slot) == 2)
            .findFirst()
            .orElseThrow();
    Path pruned = folder.resolve("pruned.onnx");
    Files.write(pruned, withoutColumns(graph, weight.tensor(), 768).toByteArray());
    Shrinker shrinker = Shrinker.open(pruned, Map.of());
    Shrinkage done = shrinker.shrink(ShrinkRequest.of(Metric.MACS, 0.955));
    assertThat(done.parts().get(1).kept()).isLessThan(1000).isGreaterThanOrEqualTo(768);
    assertThat(done.parts().stream().filter(part -> part.kept() == 1536)).hasSize(5);
    answersTheSame(done.model(), Files.readAllBytes(pruned), RealModel.MINILM.sizes());
  }

  private static int rank(Graph graph, Slot slot) {
    return Objects.requireNonNull(graph.tensor(slot.tensor())).getDimsCount();
  }

  /** Puts zeros into the first columns of a matrix. */
  private static ModelProto withoutColumns(Graph graph, String name, int count) {
    ModelProto.Builder model = graph.model().toBuilder();
    for (TensorProto.Builder tensor : model.getGraphBuilder().getInitializerBuilderList()) {
      if (tensor.getName().equals(name)) {
        ByteBuffer dense = TensorBytes.of(tensor.build());
        ByteBuffer bytes = ByteBuffer.allocate(dense.remaining()).put(dense).flip();
        int columns = (int) tensor.getDims(1);
        for (int i = 0; i < bytes.remaining() / 4; i++) {
          if (i % columns < count) {
            bytes.putInt(4 * i, 0);
          }
        }
        TensorProto made =
            TensorBytes.with(tensor.build(), TensorBytes.dims(tensor.build()), bytes);
        tensor.clear().mergeFrom(made);
      }
    }
    return model.build();
  }
}
