package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import dev.coppice.InvalidPlanException;
import dev.coppice.Scope;
import dev.coppice.graph.Calibration.Activation;
import dev.coppice.graph.Group.Kind;
import dev.coppice.graph.ShrinkRequest.Criterion;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DepthTest {
  private static final Set<Kind> ALL = Set.of(Kind.values());

  @TempDir static Path folder;

  private static ShrinkRequest request(double fraction, Set<Kind> kinds, String... keep) {
    return new ShrinkRequest(
        Metric.MACS, fraction, Criterion.L2, Scope.GLOBAL, 1, 0.1, kinds, List.of(keep), 0);
  }

  private static Calibration calibration(RealModel model) {
    return new RandomCalibration(model.sizes(), 2);
  }

  private static void assertProven(Shrinkage done, RealModel model) throws OrtException {
    float[] small = OnnxRuntime.run(done.model(), model.sizes(), 5);
    float[] dense = OnnxRuntime.run(done.zeroed(), model.sizes(), 5);
    assertThat(RealModelTest.furthest(small, dense)).isLessThan(2e-5);
  }

  private static double left(Shrinkage done) {
    return done.after(Metric.MACS) / done.before(Metric.MACS);
  }

  @Test
  void theBlocksWithTheLeastInfluenceGoUntilTheTargetIsReached() throws IOException, OrtException {
    RealModel model = RealModel.MINILM;
    Shrinker shrinker = Shrinker.open(model.file(folder), model.sizes());
    Shrinkage done = shrinker.shrink(request(0.5, Set.of(Kind.LAYERS)), calibration(model));
    List<Shrinkage.Layer> byInfluence =
        done.blocks().stream()
            .sorted(Comparator.comparingDouble(Shrinkage.Layer::influence))
            .toList();
    assertThat(byInfluence)
        .extracting(Shrinkage.Layer::kept)
        .containsExactly(false, false, false, true, true, true);
    assertThat(byInfluence).allMatch(layer -> layer.influence() > 0 && layer.influence() < 1);
    assertThat(left(done)).isCloseTo(0.5, within(1e-9));
    assertThat(done.parts()).allMatch(part -> part.kept() == part.group().units().size());
    assertThat(done.layersAfter(Metric.MACS)).hasSameSizeAs(done.layersBefore(Metric.MACS));
    assertThat(done.layersAfter(Metric.MACS).values()).filteredOn(cost -> cost == 0).hasSize(24);
    assertProven(done, model);
  }

  @Test
  void channelsMakeUpForWhatBlocksLeave() throws IOException, OrtException {
    for (RealModel model : List.of(RealModel.RESNET, RealModel.READ_V4)) {
      Shrinker shrinker = Shrinker.open(model.file(folder), model.sizes());
      Shrinkage done = shrinker.shrink(request(0.5, ALL), calibration(model));
      assertThat(left(done)).isLessThanOrEqualTo(0.5).isGreaterThan(0.45);
      assertThat(done.blocks()).hasSameSizeAs(shrinker.blocks());
      assertProven(done, model);
    }
  }

  @Test
  void aModelOfManyBlocksIsLoadedAFewTimesOnly() throws IOException {
    ModelBuilder builder = new ModelBuilder().input("x", 2, 8).weight("w", 8, 8);
    String at = "x";
    for (int i = 0; i < 50; i++) {
      builder.node("MatMul", at + " w", "p" + i).node("Relu", "p" + i, "r" + i);
      builder.node("Add", at + " r" + i, "s" + i);
      at = "s" + i;
    }
    Graph graph = builder.node("MatMul", at + " w", "y").output("y", 2, 8).graph();
    List<Block> blocks = Blocks.of(graph, Shapes.infer(graph, Map.of()));
    assertThat(blocks).hasSize(50);
    Calibration data = new RandomCalibration(Map.of("x", new long[] {2, 8}), 2);
    int[] loads = {0};
    Calibration counting =
        new Calibration() {
          @Override
          public int batches() {
            return data.batches();
          }

          @Override
          public Session open(byte[] model) throws IOException {
            loads[0]++;
            return data.open(model);
          }
        };
    assertThat(BlockInfluence.of(graph, blocks, counting)).hasSize(50).doesNotContain(0.0);
    assertThat(loads[0]).isEqualTo(2);
  }

  @Test
  void aBlockThatIsKeptByNameStays() throws IOException {
    RealModel model = RealModel.RESNET;
    Shrinker shrinker = Shrinker.open(model.file(folder), model.sizes());
    Set<Kind> layers = Set.of(Kind.LAYERS);
    Shrinkage free = shrinker.shrink(request(0.7, layers), calibration(model));
    Shrinkage.Layer gone =
        free.blocks().stream().filter(layer -> !layer.kept()).findFirst().orElseThrow();
    String keep = gone.block().name() + ".*";
    Shrinkage done = shrinker.shrink(request(0.7, layers, keep), calibration(model));
    assertThat(done.blocks())
        .filteredOn(layer -> layer.block().equals(gone.block()))
        .allMatch(Shrinkage.Layer::kept);
    assertThat(done.blocks()).anyMatch(layer -> !layer.kept());
  }

  @Test
  void withoutDataLayersAreRefused() throws IOException {
    Shrinker shrinker = Shrinker.open(RealModel.RESNET.file(folder), Map.of());
    assertThatThrownBy(() -> shrinker.shrink(request(0.5, ALL)))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessage("layers are chosen by what calibration data says of them, and there is none");
  }

  @Test
  void aTargetOutOfReachIsRefusedWithWhatCanBeReached() throws IOException {
    RealModel model = RealModel.RESNET;
    Shrinker shrinker = Shrinker.open(model.file(folder), model.sizes());
    assertThatThrownBy(() -> shrinker.shrink(request(0.1, Set.of(Kind.LAYERS)), calibration(model)))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("macs=0.1 cannot be reached: with 3 of 4 blocks removed, 0.");
    Set<Kind> heads = new HashSet<>(Set.of(Kind.HEADS, Kind.LAYERS));
    assertThatThrownBy(() -> shrinker.shrink(request(0.1, heads), calibration(model)))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("however many blocks go");
  }

  private static double influence(Graph graph, long... shape) throws IOException {
    List<Block> blocks = Blocks.of(graph, Shapes.infer(graph, Map.of()));
    assertThat(blocks).hasSize(1);
    return BlockInfluence.of(graph, blocks, new RandomCalibration(Map.of("x", shape), 2))[0];
  }

  @Test
  void influenceIsOneLessTheCosineOfTheChannelsOfEachPlace() throws IOException {
    // The block adds 1 times, or -2 times, what enters it: the direction stays, or turns round.
    for (float factor : new float[] {1, -2}) {
      double expected = factor > 0 ? 0 : 2;
      ModelBuilder tokens =
          new ModelBuilder()
              .input("x", -1, -2, 2)
              .floats("w", new float[] {factor, 0, 0, factor}, 2, 2)
              .node("MatMul", "x w", "f")
              .node("Add", "x f", "y")
              .output("y", -1, -2, 2);
      assertThat(influence(tokens.graph(), 2, 3, 2)).isCloseTo(expected, within(1e-6));
    }
    // The first channel is doubled and the second is not: places, not rows, are compared.
    ModelBuilder image =
        new ModelBuilder()
            .input("x", -1, 2, -2, 3)
            .floats("w", new float[] {1, 0, 0, 0}, 2, 2, 1, 1)
            .node("Conv", "x w", "f")
            .node("Add", "x f", "y")
            .output("y", -1, 2, -2, 3);
    assertThat(influence(image.graph(), 1, 2, 1, 3)).isGreaterThan(1e-3);
  }

  @Test
  void cosinesAreTakenAlongTheAxisOfChannels() {
    Activation a = activation(1, 0, 3, 0, 1, 4);
    Activation b = activation(2, 1, 4, 0, 0, -3);
    BlockInfluence.Cosine channels = new BlockInfluence.Cosine();
    channels.add(a, b, 1);
    // (1,0)(2,0), (0,1)(1,0), (3,4)(4,-3).
    assertThat(channels.mean()).isCloseTo(1 / 3.0, within(1e-12));
    BlockInfluence.Cosine rows = new BlockInfluence.Cosine();
    rows.add(a, b, 2);
    // (1,0,3)(2,1,4), (0,1,4)(0,0,-3).
    double expected = (14 / Math.sqrt(10 * 21) - 12 / Math.sqrt(17 * 9)) / 2;
    assertThat(rows.mean()).isCloseTo(expected, within(1e-12));
  }

  private static Activation activation(float... values) {
    return new Activation(List.of(1L, 2L, 3L), FloatBuffer.wrap(values));
  }

  @Test
  void whatIsNoNumberIsRefused() {
    Graph graph =
        new ModelBuilder()
            .input("x", -1, 2)
            .floats("w", new float[] {Float.NaN, 0, 0, 1}, 2, 2)
            .node("MatMul", "x w", "f")
            .node("Add", "x f", "y")
            .output("y", -1, 2)
            .graph();
    assertThatThrownBy(() -> influence(graph, 3, 2))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("is not a number");
  }
}
