package dev.coppice.formats.onnx;

import static dev.coppice.formats.onnx.Models.floats;
import static dev.coppice.formats.onnx.Models.graph;
import static dev.coppice.formats.onnx.Models.in;
import static dev.coppice.formats.onnx.Models.integer;
import static dev.coppice.formats.onnx.Models.integers;
import static dev.coppice.formats.onnx.Models.model;
import static dev.coppice.formats.onnx.Models.node;
import static dev.coppice.formats.onnx.Models.tensor;
import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.FunctionProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.SparseTensorProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import dev.coppice.Axes;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WeightSearchTest {
  @TempDir Path folder;

  @Test
  void matMulContractsTheFirstAxisOfARightWeightAndTheLastOfALeftOne() throws IOException {
    assertThat(role(node("MatMul", "x w", "y"), floats("w", 4, 6))).isEqualTo(weight(1, 0));
    assertThat(role(node("MatMul", "w x", "y"), floats("w", 4, 6))).isEqualTo(weight(0, 1));
    assertThat(role(node("MatMul", "x w", "y"), floats("w", 2, 3, 4, 6))).isEqualTo(weight(3, 2));
    assertThat(role(node("MatMul", "w x", "y"), floats("w", 2, 4, 6))).isEqualTo(weight(1, 2));
    assertThat(role(node("MatMul", "x w", "y"), floats("w", 6))).isEqualTo(weight(0, 0));
  }

  @Test
  void gemmFollowsItsTransposedInputs() throws IOException {
    TensorProto w = floats("w", 4, 6);
    assertThat(role(node("Gemm", "x w", "y"), w)).isEqualTo(weight(1, 0));
    assertThat(role(node("Gemm", "x w", "y", integer("transB", 1)), w)).isEqualTo(weight(0, 1));
    assertThat(role(node("Gemm", "w x", "y"), w)).isEqualTo(weight(0, 1));
    assertThat(role(node("Gemm", "w x", "y", integer("transA", 1)), w)).isEqualTo(weight(1, 0));
    assertThat(role(node("Gemm", "x v w", "y"), w)).isEqualTo(other("is the bias of Gemm"));
  }

  @Test
  void fusedMatMulFollowsItsTransposedInputs() throws IOException {
    TensorProto w = floats("w", 4, 6);
    NodeProto plain = in("com.microsoft", node("FusedMatMul", "x w", "y"));
    NodeProto turned = in("com.microsoft", node("FusedMatMul", "x w", "y", integer("transB", 1)));
    assertThat(role(plain, w)).isEqualTo(weight(1, 0));
    assertThat(role(turned, w)).isEqualTo(weight(0, 1));
    assertThat(role(node("FusedMatMul", "x w", "y"), w)).isInstanceOf(Role.Other.class);
  }

  @Test
  void convolutionsHaveFixedAxes() throws IOException {
    TensorProto w = floats("w", 8, 4, 3, 3);
    assertThat(role(node("Conv", "x w", "y"), w)).isEqualTo(weight(0, 1));
    assertThat(role(node("Conv", "x w", "y", integer("group", 2)), w)).isEqualTo(weight(0, 1));
    assertThat(role(node("ConvTranspose", "x w", "y"), w)).isEqualTo(weight(1, 0));
    assertThat(role(node("ConvTranspose", "x w", "y", integer("group", 2)), w))
        .isInstanceOf(Role.Ambiguous.class);
    assertThat(role(node("Conv", "x v w", "y"), floats("w", 8)))
        .isEqualTo(other("is the bias of Conv"));
  }

  @Test
  void aTransposeOnTheWayTurnsTheAxes() throws IOException {
    NodeProto use = node("MatMul", "x t", "y");
    assertThat(role(floats("w", 4, 6), node("Transpose", "w", "t"), use)).isEqualTo(weight(0, 1));
    assertThat(
            role(
                floats("w", 5, 4, 6),
                node("Transpose", "w", "t", integers("perm", 1L, 2L, 0L)),
                use))
        .isEqualTo(weight(0, 2));
    assertThat(role(floats("w", 4, 6), node("Transpose", "w", "t", integers("perm", 0L, 7L)), use))
        .isInstanceOf(Role.Ambiguous.class);
  }

  @Test
  void identityAndCastsBetweenFloatsChangeNothing() throws IOException {
    NodeProto use = node("MatMul", "x t", "y");
    assertThat(
            role(
                floats("w", 4, 6),
                node("Identity", "w", "s"),
                node("Cast", "s", "t", integer("to", 10)),
                use))
        .isEqualTo(weight(1, 0));
    assertThat(role(floats("w", 4, 6), node("Cast", "w", "t", integer("to", 7)), use))
        .isEqualTo(other("enters Cast"));
  }

  @Test
  void aReshapeOnTheWayHidesTheAxes() throws IOException {
    assertThat(role(floats("w", 4, 6), node("Reshape", "w shape", "t"), node("MatMul", "x t", "y")))
        .isEqualTo(new Role.Ambiguous("Reshape the Reshape changes its shape on the way"));
    assertThat(role(floats("w", 4, 6), node("Reshape", "w shape", "t"), node("Add", "x t", "y")))
        .isEqualTo(other("enters Add"));
  }

  @Test
  void usesThatAgreeMakeAWeightAndOthersDoNot() throws IOException {
    TensorProto w = floats("w", 6, 6);
    NodeProto right = node("MatMul", "x w", "y");
    assertThat(role(w, right, node("MatMul", "y w", "z"))).isEqualTo(weight(1, 0));
    assertThat(role(w, right, node("Gemm", "y w", "z", integer("transB", 1))))
        .isEqualTo(new Role.Ambiguous("the MatMul and the Gemm disagree on its axes"));
    assertThat(role(w, node("Gather", "w ids", "x"), right))
        .isEqualTo(new Role.Ambiguous("also enters Gather the Gather, which does not multiply"));
  }

  @Test
  void whatEntersNoMultiplicationIsNoWeight() throws IOException {
    assertThat(role(node("Gather", "w ids", "y"), floats("w", 9, 6)))
        .isEqualTo(other("enters Gather"));
    assertThat(role(node("Add", "x v", "y"), floats("w", 9, 6)))
        .isEqualTo(other("no operator uses it"));
    assertThat(role(in("custom", node("MatMul", "x w", "y")), floats("w", 9, 6)))
        .isEqualTo(other("enters MatMul"));
    assertThat(
            role(
                node("MatMul", "x w", "y"),
                tensor("w", DataType.INT8, 2, 2)
                    .setRawData(ByteString.copyFrom(new byte[4]))
                    .build()))
        .isEqualTo(other("INT8 is not pruned"));
  }

  @Test
  void anInitializerThatIsAnInputTooIsAWeight() throws IOException {
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addInput(Models.value("w", 4, 6))
            .addInitializer(floats("w", 4, 6))
            .addNode(node("MatMul", "x w", "y"));
    assertThat(roles(model(graph))).containsEntry("w", weight(1, 0));
  }

  @Test
  void aWeightMayLieInAConstantNode() throws IOException {
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addNode(node("Constant", "", "w", tensor("value", floats("any", 4, 6))))
            .addNode(node("MatMul", "x w", "y"));
    assertThat(roles(model(graph))).containsExactly(Map.entry("w", weight(1, 0)));
  }

  @Test
  void weightsInNestedGraphsAreFoundAndNamedByTheirPathWhereNamesClash() throws IOException {
    GraphProto.Builder then =
        GraphProto.newBuilder()
            .addInitializer(floats("w", 4, 6))
            .addInitializer(floats("only here", 6, 6))
            .addNode(node("Gemm", "x w", "t", integer("transA", 1)))
            .addNode(node("MatMul", "t outer", "u"));
    GraphProto.Builder otherwise =
        GraphProto.newBuilder().addInitializer(floats("w", 4, 6)).addNode(node("Conv", "x w", "t"));
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addInitializer(floats("outer", 6, 6))
            .addInitializer(floats("w", 4, 6))
            .addNode(node("MatMul", "x w", "y"))
            .addNode(
                node("If", "c", "z", graph("then_branch", then), graph("else_branch", otherwise)));
    Map<String, Role> roles = roles(model(graph));
    assertThat(roles)
        .containsEntry("outer", weight(1, 0))
        .containsEntry("w", weight(1, 0))
        .containsEntry("the If/then_branch/w", weight(1, 0))
        .containsEntry("the If/else_branch/w", other("enters Conv"))
        .containsEntry("only here", other("no operator uses it"));
  }

  @Test
  void aNameInAnInnerGraphHidesTheOuterOne() throws IOException {
    GraphProto.Builder body =
        GraphProto.newBuilder().addInput(Models.value("w")).addNode(node("MatMul", "x w", "t"));
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addInitializer(floats("w", 4, 6))
            .addNode(node("Loop", "n c", "z", graph("body", body)));
    assertThat(roles(model(graph))).containsEntry("w", other("no operator uses it"));
  }

  @Test
  void aWeightThatEntersAFunctionIsLeftToARule() throws IOException {
    FunctionProto function =
        FunctionProto.newBuilder()
            .setName("Dense")
            .setDomain("local")
            .addInput("a")
            .addInput("b")
            .addNode(node("Constant", "", "k", tensor("value", floats("", 6, 6))))
            .addNode(node("MatMul", "a b", "m"))
            .addNode(node("MatMul", "m k", "y"))
            .addOutput("y")
            .build();
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addInitializer(floats("w", 4, 6))
            .addNode(in("local", node("Dense", "x w", "y")));
    assertThat(roles(model(graph, function)))
        .containsEntry("w", new Role.Ambiguous("enters the function Dense, which is not followed"))
        .containsEntry("k", weight(1, 0));
  }

  @Test
  void attributesThatAreAFunctionsOwnLeaveTheAxesOpen() throws IOException {
    AttributeProto transB =
        AttributeProto.newBuilder().setName("transB").setRefAttrName("flip").build();
    FunctionProto function =
        FunctionProto.newBuilder()
            .setName("Dense")
            .setDomain("local")
            .addNode(node("Constant", "", "k", tensor("value", floats("", 6, 6))))
            .addNode(node("Gemm", "a k", "y", transB))
            .build();
    assertThat(roles(model(GraphProto.newBuilder(), function)))
        .containsEntry(
            "k", new Role.Ambiguous("the Gemm: its transB is an attribute of a function"));
  }

  @Test
  void aSparseInitializerIsLeftAlone() throws IOException {
    SparseTensorProto sparse =
        SparseTensorProto.newBuilder()
            .setValues(floats("w", 2))
            .setIndices(tensor("", DataType.INT64, 2).setRawData(ByteString.copyFrom(new byte[16])))
            .addDims(4)
            .addDims(6)
            .build();
    GraphProto.Builder graph =
        GraphProto.newBuilder().addSparseInitializer(sparse).addNode(node("MatMul", "x w", "y"));
    assertThat(roles(model(graph))).containsEntry("w", other("already sparse"));
  }

  @Test
  void aModelWhoseWeightsAreAllQuantisedIsRefused() {
    TensorProto bytes =
        tensor("w", DataType.INT8, 2, 2).setRawData(ByteString.copyFrom(new byte[4])).build();
    List<GraphProto.Builder> graphs =
        List.of(
            GraphProto.newBuilder().addNode(node("MatMulInteger", "x w", "y")),
            GraphProto.newBuilder()
                .addNode(in("com.microsoft", node("DynamicQuantizeMatMul", "x w s", "y"))),
            GraphProto.newBuilder()
                .addNode(node("DequantizeLinear", "w s", "t"))
                .addNode(node("MatMul", "x t", "y")));
    for (GraphProto.Builder graph : graphs) {
      Assertions.assertThatExceptionOfType(CheckpointFormatException.class)
          .isThrownBy(() -> roles(model(graph.addInitializer(bytes))))
          .withMessageContaining("quantised: prune before quantising")
          .extracting(CheckpointFormatException::code)
          .isEqualTo(Code.UNSUPPORTED);
    }
  }

  @Test
  void aModelThatIsQuantisedInPartIsOpened() throws IOException {
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addInitializer(floats("f", 4, 4))
            .addInitializer(
                tensor("w", DataType.INT8, 2, 2).setRawData(ByteString.copyFrom(new byte[4])))
            .addNode(node("MatMulInteger", "x w", "y"))
            .addNode(node("MatMul", "y f", "z"));
    assertThat(roles(model(graph)))
        .containsEntry("w", other("quantised: prune before quantising"))
        .containsEntry("f", weight(1, 0));
  }

  @Test
  void aNodeWithoutANameIsShownByOperatorAndOutput() throws IOException {
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addInitializer(floats("w", 4, 6))
            .addNode(node("MatMul", "x w", "y").toBuilder().clearName());
    Path file = Models.write(folder.resolve("m.onnx"), model(graph));
    try (Checkpoint checkpoint = new OnnxFormat().open(file)) {
      assertThat(checkpoint.tensors())
          .extracting(CheckpointTensor::node)
          .containsExactly("MatMul:y");
    }
  }

  private Role role(NodeProto node, TensorProto w) throws IOException {
    return role(w, node);
  }

  private Role role(TensorProto w, NodeProto... nodes) throws IOException {
    Map<String, Role> roles =
        roles(model(GraphProto.newBuilder().addInitializer(w).addAllNode(List.of(nodes))));
    assertThat(roles).containsOnlyKeys("w");
    return roles.values().iterator().next();
  }

  private Map<String, Role> roles(ModelProto model) throws IOException {
    Path file = Models.write(folder.resolve("m.onnx"), model);
    try (Checkpoint checkpoint = new OnnxFormat().open(file)) {
      Map<String, Role> roles = new LinkedHashMap<>();
      checkpoint.tensors().forEach(tensor -> roles.put(tensor.name(), tensor.role()));
      return roles;
    }
  }

  private static Role weight(int output, int reduction) {
    return new Role.Weight(new Axes(output, reduction));
  }

  private static Role other(String reason) {
    return new Role.Other(reason);
  }
}
