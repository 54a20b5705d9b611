package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.SparseTensorProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataLocation;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.Scope;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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

  private static TensorProto moved(TensorProto tensor, String file, long offset) {
    TensorProto.Builder moved = tensor.toBuilder().clearFloatData().clearRawData();
    Map<String, String> place =
        Map.of("location", file, "offset", "" + offset, "length", "" + length(tensor));
    place.forEach(
        (key, value) ->
            moved.addExternalData(StringStringEntryProto.newBuilder().setKey(key).setValue(value)));
    return moved.setDataLocation(DataLocation.EXTERNAL).build();
  }

  private static int length(TensorProto tensor) {
    return TensorBytes.of(tensor).remaining();
  }

  @Test
  void dataInOtherFilesAreReadAndTheSmallerModelIsOneFile() throws IOException {
    ModelProto plain =
        plain().weight("v", 3, 2).node("MatMul", "y v", "z").output("z", 2, 2).model();
    ModelProto.Builder model = plain.toBuilder();
    ByteBuffer data = ByteBuffer.allocate(4 * (12 + 6));
    for (int i = 0; i < 2; i++) {
      TensorProto dense = plain.getGraph().getInitializer(i);
      model.getGraphBuilder().setInitializer(i, moved(dense, "w.data", data.position()));
      data.put(TensorBytes.of(dense));
    }
    Path weights = Files.write(folder.resolve("w.data"), data.array());
    Path file = Files.write(folder.resolve("model.onnx"), model.build().toByteArray());
    Graph graph = ModelFile.read(file);
    for (TensorProto dense : plain.getGraph().getInitializerList()) {
      TensorProto found = Objects.requireNonNull(graph.tensor(dense.getName()));
      assertThat(TensorBytes.of(found)).isEqualTo(TensorBytes.of(dense));
    }
    ShrinkRequest request =
        new ShrinkRequest(
            Metric.MACS,
            0.7,
            ShrinkRequest.Criterion.L2,
            Scope.GLOBAL,
            1,
            0,
            ShrinkRequest.KINDS,
            List.of(),
            0);
    Shrinkage done = Shrinker.open(file, Map.of()).shrink(request);
    Path small = folder.resolve("small.onnx");
    done.write(small, false);
    assertThat(ModelFile.read(small).model().getGraph().getInitializerList())
        .hasSize(2)
        .noneMatch(tensor -> tensor.getDataLocation() == DataLocation.EXTERNAL);
    assertThatThrownBy(() -> done.write(weights, true)).isInstanceOf(IOException.class);
    assertThat(Files.readAllBytes(weights)).isEqualTo(data.array());
  }

  @Test
  void dataOutsideTheModelsFolderAreRefused() throws IOException {
    ModelProto.Builder model = plain().output("y", 2, 3).model().toBuilder();
    TensorProto dense = model.getGraph().getInitializer(0);
    model.getGraphBuilder().setInitializer(0, moved(dense, "../w.data", 0));
    Path file = Files.write(folder.resolve("escapes.onnx"), model.build().toByteArray());
    assertThatThrownBy(() -> ModelFile.read(file))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(Code.PATH_ESCAPE));
  }

  @Test
  void constantsInOtherFilesAreRefused() {
    ModelProto.Builder model = plain().branch("y", "z", "x").output("z", 2, 3).model().toBuilder();
    for (NodeProto.Builder node : model.getGraphBuilder().getNodeBuilderList()) {
      if (node.getOpType().equals("If")) {
        node.getAttributeBuilder(0)
            .getGBuilder()
            .addInitializer(TensorProto.newBuilder().setDataLocation(DataLocation.EXTERNAL));
      }
    }
    refused(model.build(), Code.UNSUPPORTED, "other files");
  }

  @Test
  void functionsAndSparseInitializersAreRefused() {
    refused(
        plain().model().toBuilder().addFunctions(FunctionProto.newBuilder().setName("f")).build(),
        Code.UNSUPPORTED,
        "inline them");
    ModelProto.Builder sparse = plain().model().toBuilder();
    sparse.getGraphBuilder().addSparseInitializer(SparseTensorProto.getDefaultInstance());
    refused(sparse.build(), Code.UNSUPPORTED, "sparse");
  }

  @Test
  void nodesFollowWhatTheirNestedGraphsRead() {
    Graph graph =
        plain()
            .node("Relu", "y", "a")
            .node("Relu", "a", "b")
            .node("Relu", "b", "c")
            .node("Relu", "c", "d")
            .branch("d", "z", "w")
            .output("z", 2, 3)
            .graph();
    assertThat(graph.nodes()).last().satisfies(node -> assertThat(node.op()).isEqualTo("If"));
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
