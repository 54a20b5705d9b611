package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BlocksTest {
  private static final Map<String, long[]> SIZES = Map.of("h0", new long[] {2, 5, 8});

  @TempDir static Path folder;

  /** Transformer blocks of the kinds that exporters write, with weights of the given numbers. */
  private static ModelBuilder transformer(boolean preNorm, int... numbers) {
    ModelBuilder builder =
        new ModelBuilder().input("h0", -1, -2, 8).integers("axes", -1).weight("head", 8, 3);
    for (int i = 0; i < 3; i++) {
      for (String weight : List.of("q", "k", "v", "o")) {
        builder.weight(weight + i, 8, 8);
      }
      builder.weight("up" + i, 8, 16).weight("down" + i, 16, 8).weight("bias" + i, 8);
      builder.weight("n" + i, 8).weight("m" + i, 8);
    }
    String at = "in";
    builder.weight("e", 8).node("LayerNormalization", "h0 e", at);
    for (int i : numbers) {
      at = preNorm ? preNorm(builder, at, i) : postNorm(builder, at, i);
    }
    return builder.node("MatMul", at + " head", "y").output("y", -1, -2, 3);
  }

  private static String preNorm(ModelBuilder builder, String in, int i) {
    builder.node("LayerNormalization", in + " n" + i, "an" + i);
    attention(builder, "an" + i, i);
    builder.node("Add", in + " at" + i, "mid" + i);
    builder.node("LayerNormalization", "mid" + i + " m" + i, "fn" + i);
    feedForward(builder, "fn" + i, i);
    builder.node("Add", "f" + i + " mid" + i, "out" + i);
    return "out" + i;
  }

  private static String postNorm(ModelBuilder builder, String in, int i) {
    attention(builder, in, i);
    builder.node("Add", in + " at" + i, "sum" + i);
    builder.node("LayerNormalization", "sum" + i + " n" + i, "mid" + i);
    feedForward(builder, "mid" + i, i);
    builder.node("Add", "f" + i + " mid" + i, "both" + i);
    builder.node("LayerNormalization", "both" + i + " m" + i, "out" + i);
    return "out" + i;
  }

  private static void attention(ModelBuilder builder, String in, int i) {
    builder
        .node("MatMul", in + " q" + i, "qx" + i)
        .node("MatMul", in + " k" + i, "kx" + i)
        .node("MatMul", in + " v" + i, "vx" + i)
        .node("Transpose", "kx" + i, "kt" + i, "perm", new long[] {0, 2, 1})
        .node("MatMul", "qx" + i + " kt" + i, "s" + i)
        .node("Softmax", "s" + i, "p" + i, "axis", -1L)
        .node("MatMul", "p" + i + " vx" + i, "c" + i)
        .node("MatMul", "c" + i + " o" + i, "at" + i);
  }

  private static void feedForward(ModelBuilder builder, String in, int i) {
    builder
        .node("MatMul", in + " up" + i, "u" + i)
        .node("Relu", "u" + i, "r" + i)
        .node("MatMul", "r" + i + " down" + i, "d" + i)
        .node("Add", "d" + i + " bias" + i, "f" + i);
  }

  private static List<Block> blocks(Graph graph) {
    return Blocks.of(graph, Shapes.infer(graph, Map.of()));
  }

  private static void assertEqual(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    for (int i = 0; i < found.length; i++) {
      assertThat((double) found[i]).isCloseTo(expected[i], within(1e-4 * (1 + Math.abs(found[i]))));
    }
  }

  @Test
  void anAttentionAndItsFeedForwardPartAreOneBlock() throws OrtException {
    for (boolean preNorm : new boolean[] {true, false}) {
      Graph graph = transformer(preNorm, 0, 1, 2).graph();
      List<Block> blocks = blocks(graph);
      assertThat(blocks).extracting(Block::output).endsWith("out1", "out2").hasSize(3);
      assertThat(blocks).extracting(Block::input).containsExactly("in", "out0", "out1");
      assertThat(blocks.get(1).members()).contains("q1", "down1", "the_p1").doesNotContain("q0");
      assertEqual(
          OnnxRuntime.run(bytes(Bypass.without(graph, blocks.subList(1, 2))), SIZES, 3),
          OnnxRuntime.run(transformer(preNorm, 0, 2).model().toByteArray(), SIZES, 3));
      assertEqual(
          OnnxRuntime.run(bytes(Bypass.without(graph, blocks.subList(1, 3))), SIZES, 3),
          OnnxRuntime.run(transformer(preNorm, 0).model().toByteArray(), SIZES, 3));
      assertThat(Bypass.without(graph, blocks.subList(1, 2)).nodes())
          .hasSameSizeAs(transformer(preNorm, 0, 2).graph().nodes());
    }
  }

  private static byte[] bytes(Graph graph) {
    return graph.model().toByteArray();
  }

  @Test
  void whatIsReadFromWithinIsNoBlock() {
    ModelBuilder builder =
        transformer(true, 0, 1, 2).node("Relu", "r1", "z").output("z", -1, -2, 16);
    assertThat(blocks(builder.graph()))
        .extracting(Block::output)
        .containsExactly("out0", "mid1", "out2");
  }

  @Test
  void aValueBetweenAttentionAndFeedForwardThatIsReadElsewhereSplitsTheBlock() {
    ModelBuilder builder = transformer(true, 0, 1).node("Relu", "mid1", "z").output("z", -1, -2, 8);
    assertThat(blocks(builder.graph()))
        .extracting(Block::output)
        .containsExactly("out0", "mid1", "out1");
  }

  @Test
  void aBlockThatMakesAnOutputOfTheGraphLeavesItsName() throws OrtException {
    Graph graph = transformer(true, 0, 1).output("out1", -1, -2, 8).graph();
    Graph small = Bypass.without(graph, blocks(graph).subList(1, 2));
    assertThat(small.outputs()).containsExactly("y", "out1");
    assertEqual(
        OnnxRuntime.run(bytes(small), SIZES, 3),
        OnnxRuntime.run(
            transformer(true, 0).output("out0", -1, -2, 8).model().toByteArray(), SIZES, 3));
  }

  private static ModelBuilder residual(boolean around) {
    ModelBuilder builder = new ModelBuilder().input("h0", 2, 4, 6, 6);
    String at = "h0";
    for (int i = 0; i < 2; i++) {
      builder
          .weight("w" + i, 4, 4, 1, 1)
          .node("Conv", at + " w" + i, "c" + i)
          .node("Add", "c" + i + " " + at, "s" + i)
          .node("Relu", "s" + i, "r" + i);
      at = "r" + i;
    }
    if (around) {
      builder.node("Add", "h0 r1", "y");
    } else {
      builder.node("Neg", "r1", "y");
    }
    return builder.output("y", 2, 4, 6, 6);
  }

  @Test
  void aSumAroundSeveralBlocksIsNoBlock() {
    // What enters the first has not been through a Relu: that one stays.
    assertThat(blocks(residual(true).graph()))
        .extracting(Block::output)
        .containsExactly("s0", "r1");
  }

  @Test
  void anActivationBehindTheSumGoesWithTheBlockIfWhatEntersHasOne() {
    assertThat(blocks(residual(false).graph()))
        .extracting(Block::output)
        .containsExactly("s0", "r1");
  }

  @Test
  void partsThatAreAddedSideBySideAreOneBlock() {
    Graph graph =
        new ModelBuilder()
            .input("x", -1, 8)
            .weight("a", 8, 8)
            .weight("b", 8, 8)
            .weight("c", 8, 2)
            .node("MatMul", "x a", "xa")
            .node("MatMul", "x b", "xb")
            .node("Add", "xa xb", "ab")
            .node("Add", "ab x", "h")
            .node("MatMul", "h c", "y")
            .output("y", -1, 2)
            .graph();
    assertThat(blocks(graph))
        .singleElement()
        .satisfies(block -> assertThat(block.members()).contains("a", "b", "the_ab", "the_h"));
  }

  @Test
  void aSumOfOtherShapeOrOfTwoBranchesIsNoBlock() {
    Graph graph =
        new ModelBuilder()
            .input("x", -1, 8)
            .weight("a", 8, 8)
            .weight("b", 8, 8)
            .weight("c", 8, 1)
            .node("MatMul", "x a", "xa")
            .node("MatMul", "x b", "xb")
            .node("Add", "xa xb", "h")
            .node("MatMul", "h c", "hc")
            .node("Add", "hc hc", "y")
            .output("y", -1, 1)
            .graph();
    assertThat(blocks(graph)).isEmpty();
  }

  @Test
  @Timeout(30)
  void aStreamThatIsAddedToEverythingBehindItIsOneBlock() {
    ModelBuilder builder = new ModelBuilder().input("x", -1, 8).weight("w", 8, 8);
    String at = "x";
    for (int i = 0; i < 800; i++) {
      builder
          .node("MatMul", at + " w", "m" + i)
          .node("Relu", "m" + i, "r" + i)
          .node("Add", "r" + i + " x", "h" + i);
      at = "h" + i;
    }
    assertThat(blocks(builder.output(at, -1, 8).graph()))
        .extracting(Block::output)
        .containsExactly("h799");
  }

  @ParameterizedTest
  @EnumSource
  void realModelsHaveTheBlocksOfTheirArchitecture(RealModel model) throws IOException {
    List<Block> blocks = Shrinker.open(model.file(folder), model.sizes()).blocks();
    int expected =
        switch (model) {
          case RESNET, BGE -> 4;
          case MOBILE -> 3;
          case MINILM -> 6;
          case DETECT_V3 -> 18;
          case DETECT_V4 -> 8;
          case READ_V3, READ_V4 -> 2;
          case TURN_V2 -> 7;
        };
    assertThat(blocks).hasSize(expected);
    assertThat(blocks).extracting(Block::name).doesNotHaveDuplicates();
    if (model == RealModel.MINILM) {
      assertThat(blocks).extracting(Block::name).contains("/encoder/layer.0", "/encoder/layer.5");
    }
  }

  @ParameterizedTest
  @EnumSource
  void withoutBlocksAndUnitsAModelAnswersLikeTheDenseOneAroundThem(RealModel model)
      throws IOException, OrtException {
    Graph graph = ModelFile.read(model.file(folder));
    List<Block> blocks = blocks(graph);
    Random random = new Random(2);
    for (int i = 0; i < (model.isTransformer() ? 2 : 5); i++) {
      List<Block> gone = new ArrayList<>(blocks);
      gone.removeIf(block -> random.nextBoolean());
      Graph small = Bypass.without(graph, gone);
      Shapes shapes = Shapes.infer(small, Map.of());
      AxisClasses classes = Coupling.of(small, shapes);
      Set<Integer> units = RealModelTest.anyUnits(Groups.of(small, classes), random);
      Cut cut = new Cut(classes, units);
      ModelProto dense = Surgeon.zero(Bypass.around(graph, gone), cut);
      float[] found =
          OnnxRuntime.run(
              RealModelTest.tapped(Surgeon.remove(small, shapes, cut), small), model.sizes(), i);
      float[] expected = OnnxRuntime.run(RealModelTest.tapped(dense, small), model.sizes(), i);
      assertThat(RealModelTest.furthest(found, expected)).isLessThan(2e-5);
    }
  }
}
