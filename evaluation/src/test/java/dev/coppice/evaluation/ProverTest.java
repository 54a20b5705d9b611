package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import dev.coppice.graph.Calibration;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ProverTest {
  private static final Map<String, long[]> SIZES = Map.of("x", new long[] {1, 3});
  private static final float[] WEIGHTS = {0.5f, -1, 2, 0.25f, 3, -0.5f, 1};

  private static Proof prove(TinyGraph dense, TinyGraph small) throws IOException {
    return new Prover(SIZES, Optional.empty()).prove(dense::bytes, small::bytes);
  }

  private static TinyGraph relu(float... weights) {
    return TinyGraph.product("Relu", weights).output("y", DataType.FLOAT, -1, 4);
  }

  private static float[] changed(int index, float by) {
    float[] changed = WEIGHTS.clone();
    changed[index] += by;
    return changed;
  }

  private static String failure(TinyGraph dense, TinyGraph small) throws IOException {
    assertThat(prove(dense, small)).isInstanceOf(Proof.Failed.class);
    return ((Proof.Failed) prove(dense, small)).what();
  }

  private static String reason(TinyGraph dense) throws IOException {
    assertThat(prove(dense, dense)).isInstanceOf(Proof.NotRun.class);
    return ((Proof.NotRun) prove(dense, dense)).why();
  }

  @Test
  void aModelAnswersLikeItself() throws IOException {
    assertThat(prove(relu(WEIGHTS), relu(WEIGHTS)))
        .isEqualTo(new Proof.Held(2, 2e-5, Map.of("y", 0.0)));
  }

  @Test
  void aWrongWeightIsSaidWithTheOutputAndByHowMuch() throws IOException {
    assertThat(failure(relu(WEIGHTS), relu(changed(2, 0.01f))))
        .matches("output \"y\" differs by \\d\\.\\de-0[123] of its largest number, 2\\.0e-05 .*");
    assertThat(failure(relu(WEIGHTS), relu(changed(2, Float.NaN)))).contains("output \"y\"");
    assertThat(prove(relu(WEIGHTS), relu(changed(2, 1e-7f)))).isInstanceOf(Proof.Held.class);
  }

  private static TinyGraph halves(int bits) {
    return new TinyGraph()
        .input("x", DataType.FLOAT, -1, 3)
        .half("w", bits)
        .node("Cast", "x", "narrow", "to", 10L)
        .node("Mul", "narrow w", "y")
        .output("y", DataType.FLOAT16, -1, 3);
  }

  @Test
  void numbersOf16BitsMayDifferByAFewRoundings() throws IOException {
    assertThat(prove(halves(0x3C00), halves(0x3C01)))
        .isInstanceOfSatisfying(
            Proof.Held.class, held -> assertThat(held.furthest()).isBetween(5e-4, 2e-3));
    assertThat(failure(halves(0x3C00), halves(0x3C20))).contains("output \"y\" differs by");
    assertThat(failure(relu(WEIGHTS), relu(changed(2, 0.002f)))).contains("output \"y\" differs");
  }

  @Test
  void whatProbabilitiesHideIsSeenBeforeThem() throws IOException {
    // The first class wins or loses by thousands, so that the probability is 1 or 0.
    float[] far = {9e6f, -9e6f, -9e6f, -9e6f};
    float[] farther = {9.1e6f, -9e6f, -9e6f, -9e6f};
    TinyGraph dense = TinyGraph.product("Softmax", far).output("y", DataType.FLOAT, -1, 4);
    TinyGraph small = TinyGraph.product("Softmax", farther).output("y", DataType.FLOAT, -1, 4);
    assertThat(failure(dense, small)).startsWith("output \"softmax_in\" differs");
    assertThat(prove(dense, dense))
        .isEqualTo(new Proof.Held(2, 2e-5, Map.of("y", 0.0, "softmax_in", 0.0)));
  }

  @Test
  void smallProbabilitiesAreRoundedLikeLargeOnes() throws IOException {
    // Probabilities of 1e-13 that differ in their fourth digit, as what they are made of barely
    // does.
    TinyGraph dense = sure(-30);
    assertThat(prove(dense, sure(-30.0001f)))
        .isInstanceOfSatisfying(
            Proof.Held.class,
            held -> {
              assertThat(held.differences().get("y")).isLessThan(1e-12);
              assertThat(held.differences().get("logit")).isBetween(1e-6, 1e-5);
            });
    assertThat(failure(dense, sure(-31))).startsWith("output \"logit\" differs");
  }

  private static TinyGraph sure(float logit) {
    return new TinyGraph()
        .input("x", DataType.FLOAT, -1, 3)
        .floats("b", List.of(1L), logit)
        .floats("zero", List.of(1L), 0)
        .node("Mul", "x zero", "nothing")
        .node("Add", "nothing b", "logit")
        .node("Sigmoid", "logit", "y")
        .output("y", DataType.FLOAT, -1, 3);
  }

  @Test
  void integersHaveToBeTheSame() throws IOException {
    TinyGraph dense = relu(WEIGHTS).node("Cast", "y", "whole", "to", 7L);
    TinyGraph small = relu(changed(0, 2)).node("Cast", "y", "whole", "to", 7L);
    dense.output("whole", DataType.INT64, -1, 4);
    small.output("whole", DataType.INT64, -1, 4);
    assertThat(failure(dense, small)).contains("output \"y\"");
    TinyGraph one = new TinyGraph().input("x", DataType.FLOAT, -1, 3).integers("n", 1);
    TinyGraph two = new TinyGraph().input("x", DataType.FLOAT, -1, 3).integers("n", 2);
    for (TinyGraph graph : List.of(one, two)) {
      graph
          .node("Cast", "x", "i", "to", 7L)
          .node("Add", "i n", "sum")
          .output("sum", DataType.INT64, -1, 3);
    }
    assertThat(failure(one, two)).contains("output \"sum\" is not the same");
    assertThat(prove(one, one)).isEqualTo(new Proof.Held(2, 2e-5, Map.of()));
  }

  @Test
  void inputsAndOutputsKeepTheirNamesTypesAndShapes() throws IOException {
    TinyGraph renamed = relu(WEIGHTS).node("Identity", "y", "z").output("z", DataType.FLOAT, -1, 4);
    assertThat(failure(relu(WEIGHTS), renamed))
        .isEqualTo(
            "the dense model has nothing more, the smaller one output \"z\" of FLOAT [-1, 4]");
    TinyGraph open = TinyGraph.product("Relu", WEIGHTS).output("y", DataType.FLOAT, -1, -2);
    TinyGraph narrow =
        new TinyGraph()
            .input("x", DataType.FLOAT, -1, 3)
            .floats("w", List.of(3L, 2L), WEIGHTS)
            .node("MatMul", "x w", "relu_in")
            .node("Relu", "relu_in", "y")
            .output("y", DataType.FLOAT, -1, -2);
    assertThat(failure(open, narrow)).contains("\"y\" of FLOAT");
  }

  @Test
  void aSmallerModelThatDoesNotLoadIsWrong() throws IOException {
    TinyGraph broken = relu(WEIGHTS).node("MatMul", "y w", "lost");
    assertThat(failure(relu(WEIGHTS), broken))
        .contains("cannot run the smaller model")
        .hasLineCount(1);
  }

  @Test
  void aModelThatTakesOneAtATimeIsRunOnOne() throws IOException {
    TinyGraph one =
        relu(WEIGHTS)
            .integers("flat", 1, 4)
            .node("Reshape", "y flat", "z")
            .output("z", DataType.FLOAT);
    assertThat(prove(one, one)).isInstanceOf(Proof.Held.class);
  }

  @Test
  void whatCannotBeRunIsNotProven() throws IOException {
    assertThat(
            reason(relu(WEIGHTS).input("text", DataType.STRING, 1).node("Identity", "text", "t")))
        .contains("input \"text\"");
    assertThat(reason(relu(WEIGHTS).input("ids", DataType.UINT32, 1).node("Identity", "ids", "t")))
        .contains("input \"ids\" takes unsigned numbers");
    assertThat(reason(relu(WEIGHTS).node("Log", "x", "l").output("l", DataType.FLOAT, -1, 3)))
        .contains("NaN as output \"l\"");
    assertThat(
            reason(relu(WEIGHTS).node("SequenceConstruct", "y", "s").output("s", DataType.FLOAT)))
        .isNotEmpty();
  }

  @Test
  void calibrationDataIsRunToo() throws IOException {
    TinyGraph dense = relu(WEIGHTS);
    Calibration agreeing = new Told(3, 1);
    assertThat(new Prover(SIZES, Optional.of(agreeing)).prove(dense::bytes, dense::bytes))
        .isEqualTo(new Proof.Held(4, 2e-5, Map.of("y", 0.0)));
    // The second model that is opened answers otherwise.
    assertThat(new Prover(SIZES, Optional.of(new Told(1, 1.1f))).prove(dense::bytes, dense::bytes))
        .isInstanceOf(Proof.Failed.class);
  }

  /** Answers 1, and what it is told for the second model. */
  private static final class Told implements Calibration {
    private final int batches;
    private final float second;
    private int opened;

    Told(int batches, float second) {
      this.batches = batches;
      this.second = second;
    }

    @Override
    public int batches() {
      return batches;
    }

    @Override
    public Session open(byte[] model) {
      float answer = opened++ == 0 ? 1 : second;
      return new Session() {
        @Override
        public Map<String, Activation> run(int batch) {
          return Map.of("y", new Activation(List.of(1L), FloatBuffer.wrap(new float[] {answer})));
        }

        @Override
        public void close() {}
      };
    }
  }
}
