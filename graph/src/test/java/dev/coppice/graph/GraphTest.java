package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GraphTest {
  @TempDir Path folder;

  private static void refused(ModelProto model, Code code, String words) {
    assertThatThrownBy(() -> Graph.of(model, Path.of("bad.onnx")))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(words);
  }

  private static ModelBuilder plain() {
    return new ModelBuilder().input("x", 2, 4).weight("w", 4, 3).node("MatMul", "x w", "y");
  }

  @Test
  void aCircleIsRefused() {
    refused(
        new ModelBuilder()
            .input("x", 2)
            .node("Add", "x b", "a")
            .node("Relu", "a", "b")
            .output("b", 2)
            .model(),
        Code.GRAPH_CYCLE,
        "needs what it makes");
  }

  @Test
  void aNameThatIsMadeTwiceIsRefused() {
    refused(plain().node("Relu", "x", "y").model(), Code.DUPLICATE_KEY, "\"y\"");
    refused(plain().node("Relu", "x", "w").model(), Code.DUPLICATE_KEY, "\"w\"");
    refused(plain().weight("w", 1).model(), Code.DUPLICATE_KEY, "\"w\"");
  }

  @Test
  void whatNothingMakesIsRefused() {
    refused(plain().node("Add", "y gone", "z").model(), Code.TENSOR_INFO, "\"gone\"");
    refused(plain().output("nowhere", 1).model(), Code.TENSOR_INFO, "\"nowhere\"");
  }

  @Test
  void anOpsetThatIsNotKnownIsRefused() {
    refused(plain().opset(6).model(), Code.UNSUPPORTED, "opset 6");
    refused(plain().opset(99).model(), Code.UNSUPPORTED, "opset 99");
    refused(plain().model().toBuilder().clearOpsetImport().build(), Code.UNSUPPORTED, "its opset");
  }

  @Test
  void dataInOtherFilesAreRefused() {
    ModelProto.Builder model = plain().model().toBuilder();
    model.getGraphBuilder().getInitializerBuilder(0).setDataLocation(DataLocation.EXTERNAL);
    refused(model.build(), Code.UNSUPPORTED, "other files");
  }

  @Test
  void aFileOfAnotherFormatIsRefused() throws IOException {
    Path file = Files.writeString(folder.resolve("model.onnx"), "no protocol buffer at all");
    assertThatThrownBy(() -> ModelFile.read(file)).isInstanceOf(CheckpointFormatException.class);
  }

  @Test
  void aNodeThatIsNotWhatItsOperatorDemandsIsNamed() {
    List<ModelBuilder> bad =
        List.of(
            plain().node("Transpose", "y", "z", "perm", new long[] {0, 7}),
            plain().node("Split", List.of("y"), List.of("a", "b"), "axis", 4L),
            plain().integers("axes", 9).node("Squeeze", "y axes", "z"),
            plain().weight("k", 2, 1, 1).weight("i", 1, 4, 3).node("Conv", "i k", "z", "group", 0L),
            plain()
                .weight("k", 2, 4, 1)
                .weight("i", 1, 4, 3)
                .node("Conv", "i k", "z", "strides", new long[] {0}));
    for (ModelBuilder builder : bad) {
      Graph graph = builder.graph();
      assertThatThrownBy(() -> Coupling.of(graph, Shapes.infer(graph, Map.of())))
          .as(graph.nodes().get(1).toString())
          .isInstanceOf(CheckpointFormatException.class)
          .hasMessageContaining("does not allow");
    }
  }

  @Test
  void nodesInAnyOrderAreRead() {
    Graph graph =
        new ModelBuilder()
            .input("x", 2)
            .node("Relu", "a", "y")
            .node("Relu", "x", "a")
            .output("y", 2)
            .graph();
    assertThat(graph.nodes()).extracting(node -> node.output(0)).containsExactly("a", "y");
  }
}
