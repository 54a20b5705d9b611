package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import dev.coppice.evaluation.InputBounds.Range;
import dev.coppice.evaluation.RandomInputs.Impossible;
import java.io.IOException;
import java.nio.LongBuffer;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;

class InputBoundsTest {
  private static TinyGraph ids() {
    return new TinyGraph()
        .input("ids", DataType.INT64, -1, 5)
        .floats("table", List.of(7L, 2L), 1, 2, 3);
  }

  private static Map<String, Range> bounds(TinyGraph graph) throws IOException {
    return InputBounds.of(graph.graph());
  }

  @Test
  void whatIndexesATableStaysWithinIt() throws IOException {
    assertThat(bounds(ids().node("Gather", "table ids", "y")))
        .isEqualTo(Map.of("ids", new Range(0, 7)));
    assertThat(bounds(ids().node("Gather", "table ids", "y", "axis", 1L)))
        .isEqualTo(Map.of("ids", new Range(0, 2)));
  }

  @Test
  void aBoundIsFoundThroughWhatHandsValuesOn() throws IOException {
    TinyGraph graph =
        ids()
            .integers("flat", -1)
            .node("Cast", "ids", "narrow", "to", 6L)
            .node("Reshape", "narrow flat", "row")
            .node("Identity", "table", "tied")
            .node("Gather", "tied row", "y");
    assertThat(bounds(graph)).isEqualTo(Map.of("ids", new Range(0, 7)));
  }

  @Test
  void whatIsAddedOnTheWayIsTakenOff() throws IOException {
    TinyGraph graph =
        ids().integers("two", 2).node("Add", "two ids", "moved").node("Gather", "table moved", "y");
    assertThat(bounds(graph)).isEqualTo(Map.of("ids", new Range(0, 5)));
  }

  @Test
  void theSmallestOfSeveralTablesCountsAndNestedGraphsToo() throws IOException {
    TinyGraph then =
        new TinyGraph().floats("few", List.of(3L), 1).node("Gather", "few ids", "inner");
    TinyGraph graph =
        ids()
            .node("Gather", "table ids", "y")
            .node("If", "which", "z", "then_branch", then.nested());
    assertThat(bounds(graph)).isEqualTo(Map.of("ids", new Range(0, 3)));
  }

  @Test
  void aSizeIsOneAndAMaskHasNoBound() throws IOException {
    TinyGraph graph =
        new TinyGraph()
            .input("length", DataType.INT64, 1)
            .input("mask", DataType.INT64, -1, 5)
            .node("ConstantOfShape", "length", "zeros")
            .node("Cast", "mask", "weights", "to", 1L);
    assertThat(bounds(graph)).isEqualTo(Map.of("length", new Range(1, 2)));
  }

  @Test
  void inputsAreDrawnWithinTheirBoundsAndTheSameForTheSameSeed()
      throws OrtException, Impossible, IOException {
    TinyGraph graph =
        ids()
            .input("mask", DataType.INT64, -1, 5)
            .input("length", DataType.INT64, 1)
            .node("Gather", "table ids", "y")
            .node("Neg", "mask", "m")
            .node("Neg", "length", "l")
            .output("y", DataType.FLOAT)
            .output("m", DataType.INT64)
            .output("l", DataType.INT64);
    Map<String, long[]> sizes =
        Map.of("ids", new long[] {40, 5}, "mask", new long[] {40, 5}, "length", new long[] {1});
    RandomInputs inputs = new RandomInputs(bounds(graph), sizes);
    try (OnnxModel model = OnnxModel.open(graph.bytes(), 1)) {
      Map<String, OnnxTensor> drawn = inputs.draw(model, 3);
      Map<String, OnnxTensor> again = inputs.draw(model, 3);
      Map<String, OnnxTensor> others = inputs.draw(model, 4);
      long[] ids = values(drawn, "ids");
      assertThat(ids).containsOnly(0, 1, 2, 3, 4, 5, 6);
      assertThat(values(again, "ids")).isEqualTo(ids);
      assertThat(values(others, "ids")).isNotEqualTo(ids);
      long[] mask = values(drawn, "mask");
      assertThat(mask).containsOnly(0, 1);
      for (int row = 0; row < 40; row++) {
        assertThat(mask[5 * row]).isOne();
      }
      assertThat(values(drawn, "length")).containsExactly(1);
      model.run(drawn).close();
      List.of(drawn, again, others).forEach(all -> all.values().forEach(OnnxTensor::close));
    }
  }

  private static long[] values(Map<String, OnnxTensor> tensors, String name) {
    LongBuffer buffer = Objects.requireNonNull(tensors.get(name)).getLongBuffer();
    long[] values = new long[buffer.remaining()];
    buffer.get(values);
    return values;
  }
}
