package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OrtException;
import dev.coppice.InvalidPlanException;
import dev.coppice.graph.Damage.Loss;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DamageTest {
  private static final int BATCHES = 2;

  private static Map<Reduction, Loss> measure(Graph graph, Map<String, long[]> sizes)
      throws IOException {
    Shapes shapes = Shapes.infer(graph, sizes);
    List<Reduction> reductions = Reduction.in(graph, shapes);
    return Damage.measure(graph, shapes, reductions, new RandomCalibration(sizes, BATCHES));
  }

  /**
   * Runs a model that is one product, with all weights but those of one channel set to zero, and
   * gives for each pair of channels the sum of the products of what they make.
   */
  private static double[][] expected(Graph graph, int axis, int channels, Map<String, long[]> sizes)
      throws OrtException {
    float[][][] made = new float[channels][BATCHES][];
    for (int channel = 0; channel < channels; channel++) {
      ModelProto.Builder model = graph.model().toBuilder();
      for (TensorProto.Builder tensor : model.getGraphBuilder().getInitializerBuilderList()) {
        if (tensor.getName().equals("w")) {
          keep(tensor, axis, channel);
        }
      }
      for (int batch = 0; batch < BATCHES; batch++) {
        made[channel][batch] = OnnxRuntime.run(model.build().toByteArray(), sizes, batch);
      }
    }
    double[][] pairs = new double[channels][channels];
    for (int a = 0; a < channels; a++) {
      for (int b = 0; b < channels; b++) {
        for (int batch = 0; batch < BATCHES; batch++) {
          for (int i = 0; i < made[a][batch].length; i++) {
            pairs[a][b] += (double) made[a][batch][i] * made[b][batch][i];
          }
        }
      }
    }
    return pairs;
  }

  private static void keep(TensorProto.Builder tensor, int axis, int channel) {
    int inner = 1;
    for (int i = axis + 1; i < tensor.getDimsCount(); i++) {
      inner *= (int) tensor.getDims(i);
    }
    for (int i = 0; i < tensor.getFloatDataCount(); i++) {
      if (i / inner % tensor.getDims(axis) != channel) {
        tensor.setFloatData(i, 0);
      }
    }
  }

  private static void allPairsAgree(Graph graph, int axis, int channels, Map<String, long[]> sizes)
      throws IOException, OrtException {
    Map<Reduction, Loss> losses = measure(graph, sizes);
    assertThat(losses).hasSize(1);
    Loss loss = losses.values().iterator().next();
    double[][] expected = expected(graph, axis, channels, sizes);
    double largest = Arrays.stream(expected).flatMapToDouble(Arrays::stream).max().orElseThrow();
    assertThat(largest).isPositive();
    for (int a = 0; a < channels; a++) {
      for (int b = 0; b < channels; b++) {
        assertThat(loss.pair(a, b)).isCloseTo(expected[a][b], within(1e-4 * largest));
      }
    }
  }

  @Test
  void pairsOfAConvolutionAreWhatItsChannelsMakeTogether() throws IOException, OrtException {
    Map<String, long[]> sizes = Map.of("x", new long[] {2, 3, 9, 8});
    Graph graph =
        new ModelBuilder()
            .input("x", -1, 3, 9, 8)
            .weight("w", 4, 3, 3, 2)
            .node("Conv", "x w", "y", "pads", new long[] {1, 0, 2, 1}, "strides", new long[] {2, 1})
            .output("y", -1, 4, 5, 8)
            .graph();
    allPairsAgree(graph, 1, 3, sizes);
  }

  @Test
  void pairsOfMatrixProductsAreWhatTheirColumnsMakeTogether() throws IOException, OrtException {
    Map<String, long[]> sizes = Map.of("x", new long[] {2, 5, 4});
    Graph right =
        new ModelBuilder()
            .opset(11)
            .input("x", -1, 5, 4)
            .weight("w", 4, 3)
            .node("MatMul", "x w", "y")
            .output("y", -1, 5, 3)
            .graph();
    allPairsAgree(right, 0, 4, sizes);
    Graph left =
        new ModelBuilder()
            .input("x", -1, 5, 4)
            .weight("w", 3, 5)
            .node("MatMul", "w x", "y")
            .output("y", -1, 3, 4)
            .graph();
    allPairsAgree(left, 1, 5, sizes);
    Map<String, long[]> rows = Map.of("x", new long[] {7, 4});
    Graph turned =
        new ModelBuilder()
            .input("x", -1, 4)
            .weight("w", 3, 4)
            .node("Gemm", "x w", "y", "transB", 1L)
            .output("y", -1, 3)
            .graph();
    allPairsAgree(turned, 1, 4, rows);
  }

  @Test
  void ofAProductWithSeveralKernelsThePairsOfAChannelWithItselfAreTaken()
      throws IOException, OrtException {
    Map<String, long[]> sizes = Map.of("x", new long[] {2, 6, 5, 5});
    Graph graph =
        new ModelBuilder()
            .input("x", -1, 6, 5, 5)
            .weight("w", 4, 3, 1, 1)
            .node("Conv", "x w", "y", "group", 2L)
            .output("y", -1, 4, 5, 5)
            .graph();
    Loss loss = measure(graph, sizes).values().iterator().next();
    double[][] expected = expected(graph, 1, 3, sizes);
    for (int i = 0; i < 3; i++) {
      assertThat(loss.pair(i, i)).isCloseTo(expected[i][i], within(1e-4 * expected[i][i]));
      assertThat(loss.pair(i, (i + 1) % 3)).isZero();
    }
  }

  @Test
  void aProductCountsByItsShareOfTheSumThatItGoesInto() throws IOException, OrtException {
    Map<String, long[]> sizes = Map.of("x", new long[] {6, 4});
    ModelBuilder builder =
        new ModelBuilder()
            .input("x", -1, 4)
            .weight("w", 4, 4)
            .weight("b", 4)
            .node("MatMul", "x w", "p")
            .node("Add", "p b", "q")
            .node("Add", "x q", "s")
            .node("Relu", "s", "y");
    Graph graph = builder.output("p", -1, 4).output("y", -1, 4).output("s", -1, 4).graph();
    Graph inner =
        Graph.of(
            graph.model().toBuilder()
                .setGraph(graph.model().getGraph().toBuilder().removeOutput(2).removeOutput(0))
                .build(),
            graph.path());
    assertThat(measure(inner, sizes).values().iterator().next().share())
        .isCloseTo(energy(graph, "p", sizes) / energy(graph, "s", sizes), within(1e-5));
  }

  private static double energy(Graph graph, String value, Map<String, long[]> sizes)
      throws OrtException {
    byte[] model = output(graph, value);
    double sum = 0;
    for (int batch = 0; batch < BATCHES; batch++) {
      for (float number : OnnxRuntime.run(model, sizes, batch)) {
        sum += (double) number * number;
      }
    }
    return sum;
  }

  private static byte[] output(Graph graph, String value) {
    ModelProto.Builder model = graph.model().toBuilder();
    model
        .getGraphBuilder()
        .clearOutput()
        .addOutput(ai.onnx.proto.OnnxMl.ValueInfoProto.newBuilder().setName(value));
    return model.build().toByteArray();
  }

  @Test
  void theUnitThatLeavesTheLeastErrorGoesNext() {
    Random random = new Random(3);
    int channels = 5;
    double[][] factors = new double[channels][7];
    for (double[] row : factors) {
      Arrays.setAll(row, i -> random.nextGaussian());
    }
    double[] pairs = new double[channels * channels];
    for (int i = 0; i < pairs.length; i++) {
      for (int k = 0; k < 7; k++) {
        pairs[i] += factors[i / channels][k] * factors[i % channels][k];
      }
    }
    Graph graph =
        new ModelBuilder()
            .input("x", 1, 2)
            .weight("a", 2, 5)
            .weight("b", 5, 2)
            .node("MatMul", "x a", "h")
            .node("MatMul", "h b", "y")
            .output("y", 1, 2)
            .graph();
    Group group = Groups.of(graph, Coupling.of(graph, Shapes.infer(graph, Map.of()))).get(0);
    Greedy greedy = new Greedy(group, unit -> false);
    greedy.add(new Slot("b", 0), new Loss(channels, pairs, 0.25));
    Ranking ranking = greedy.rank();
    boolean[] gone = new boolean[channels];
    boolean[] all = {true, true, true, true, true};
    for (int step = 0; step < channels; step++) {
      int best = -1;
      double least = Double.POSITIVE_INFINITY;
      for (int unit = 0; unit < channels; unit++) {
        if (!gone[unit]) {
          gone[unit] = true;
          double error = halved(pairs, gone) / halved(pairs, all);
          gone[unit] = false;
          if (error < least) {
            least = error;
            best = unit;
          }
        }
      }
      gone[best] = true;
      assertThat(ranking.order().get(step)).isEqualTo(best);
      if (step < channels - 1) {
        assertThat(ranking.loss(step + 1)).isCloseTo(0.25 * -Math.log(1 - least), within(1e-9));
      }
    }
  }

  /** Adds up the pairs of what is gone; two that differ count a half. */
  private static double halved(double[] pairs, boolean[] gone) {
    double sum = 0;
    for (int i = 0; i < pairs.length; i++) {
      int a = i / 5;
      int b = i % 5;
      sum += gone[a] && gone[b] ? pairs[i] * (a == b ? 1 : 0.5) : 0;
    }
    return sum;
  }

  @Test
  void whatIsNotANumberOnTheDataIsRefused() {
    Graph graph =
        new ModelBuilder()
            .input("x", -1, 4)
            .weight("w", 4, 3)
            .node("MatMul", "x w", "y")
            .output("y", -1, 3)
            .graph();
    Shapes shapes = Shapes.infer(graph, Map.of());
    Calibration broken =
        new Calibration() {
          @Override
          public int batches() {
            return 1;
          }

          @Override
          public Session open(byte[] model) throws IOException {
            Session inner = new RandomCalibration(Map.of("x", new long[] {3, 4}), 1).open(model);
            return new Session() {
              @Override
              public Map<String, Activation> run(int batch) throws IOException {
                Map<String, Activation> found = new HashMap<>(inner.run(batch));
                found.replaceAll(
                    (name, value) ->
                        new Activation(
                            value.shape(), FloatBuffer.wrap(filled(value.values().remaining()))));
                return found;
              }

              @Override
              public void close() {
                inner.close();
              }
            };
          }
        };
    assertThatThrownBy(() -> Damage.measure(graph, shapes, Reduction.in(graph, shapes), broken))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("the_y works on what is not a finite number");
  }

  private static float[] filled(int count) {
    float[] values = new float[count];
    Arrays.fill(values, Float.NaN);
    return values;
  }
}
