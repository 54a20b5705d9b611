package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.graph.Sparsifier.Decision.Hold;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is rewritten, what is not, and that the parts are those of the same weights. */
class SparsifierTest {
  private static final Sparsifier.Choice BITMAP = (layer, weights) -> new Hold(Format.BITMAP);

  @ParameterizedTest
  @CsvSource({"BITMAP, bits", "TWO_FOUR, positions", "CSR, columns"})
  void aMatMulAndTheAddOfItsBiasBecomeOneNode(Format format, String index) {
    Graph graph =
        new ModelBuilder()
            .input("x", -1, -2, 8)
            .floats("w", halfZero(8 * 6, 6), 8, 6)
            .weight("b", 6)
            .node("MatMul", "x w", "product")
            .node("Add", "b product", "sum")
            .node("Relu", "sum", "y")
            .output("y", -1, -2, 6)
            .graph();

    Sparsified made = Sparsifier.of(graph).rewrite((layer, weights) -> new Hold(format));

    ModelProto model = parsed(made);
    assertThat(model.getGraph().getNodeList())
        .extracting(NodeProto::getOpType)
        .containsExactly("SparseLinear", "Relu");
    NodeProto node = model.getGraph().getNode(0);
    assertThat(node.getDomain()).isEqualTo("dev.coppice");
    assertThat(node.getName()).isEqualTo("the_product");
    assertThat(node.getOutput(0)).isEqualTo("sum");
    assertThat(node.getInputList())
        .containsExactly(
            "x", "w/values", "w/" + index, format == Format.TWO_FOUR ? "" : "w/offsets", "b");
    assertThat(tensors(model)).doesNotContainKey("w").containsKeys("w/values", "w/" + index, "b");
    assertThat(model.getOpsetImportList())
        .anyMatch(o -> o.getDomain().equals("dev.coppice") && o.getVersion() == 1);
    assertThat(weights(model, node)).isEqualTo(transposed(halfZero(8 * 6, 6), 8, 6));
    assertThat(made.rows())
        .singleElement()
        .satisfies(
            row -> {
              assertThat(row.layer())
                  .isEqualTo(new LinearLayer("w", List.of("the_product"), 6, 8, 24));
              assertThat(row.format()).isEqualTo(format);
            });
  }

  @ParameterizedTest
  @CsvSource({"0", "1"})
  void aGemmMayHoldItsWeightsEitherWay(long transB) {
    float[] values = halfZero(8 * 4, 1);
    Graph graph =
        new ModelBuilder()
            .input("x", 3, transB == 0 ? 8 : 4)
            .floats("w", values, 8, 4)
            .weight("b", transB == 0 ? 4 : 8)
            .node("Gemm", "x w b", "y", "transB", transB)
            .output("y", 3, transB == 0 ? 4 : 8)
            .graph();

    ModelProto model = parsed(Sparsifier.of(graph).rewrite(BITMAP));

    NodeProto node = model.getGraph().getNode(0);
    assertThat(node.getInputList()).containsExactly("x", "w/values", "w/bits", "w/offsets", "b");
    assertThat(weights(model, node)).isEqualTo(transB == 0 ? transposed(values, 8, 4) : values);
  }

  @Test
  void nodesThatShareWeightsShareTheirParts() {
    Graph graph =
        new ModelBuilder()
            .input("x", 2, 4)
            .floats("w", halfZero(16, 1), 4, 4)
            .node("MatMul", "x w", "a")
            .node("MatMul", "a w", "b")
            .node("Gemm", "b w", "y", "transB", 1L)
            .output("y", 2, 4)
            .graph();

    Sparsified made = Sparsifier.of(graph).rewrite(BITMAP);

    List<NodeProto> nodes = parsed(made).getGraph().getNodeList();
    assertThat(made.rows()).hasSize(2);
    assertThat(made.rows().get(0).layer().nodes()).containsExactly("the_a", "the_b");
    assertThat(nodes.get(0).getInputList().subList(1, 4))
        .isEqualTo(nodes.get(1).getInputList().subList(1, 4))
        .doesNotContainAnyElementsOf(nodes.get(2).getInputList().subList(1, 4));
    assertThat(tensors(parsed(made))).hasSize(6);
  }

  @Test
  void weightsThatSomethingElseReadsStay() {
    Graph graph =
        new ModelBuilder()
            .input("x", 2, 4)
            .floats("w", halfZero(16, 1), 4, 4)
            .node("MatMul", "x w", "a")
            .node("Transpose", "w", "t")
            .node("MatMul", "a t", "y")
            .output("y", 2, 4)
            .graph();

    assertThat(tensors(parsed(Sparsifier.of(graph).rewrite(BITMAP)))).containsKey("w");
  }

  @Test
  void anAddIsLeftWhereItIsMoreThanTheBiasOfOneProduct() {
    Graph graph =
        new ModelBuilder()
            .input("x", 2, 4)
            .floats("w", halfZero(16, 1), 4, 4)
            .weight("wide", 1, 2, 4)
            .weight("b", 4)
            .node("MatMul", "x w", "a")
            .node("Add", "a wide", "y")
            .node("MatMul", "x w", "c")
            .node("Add", "c b", "z")
            .output("y", 1, 2, 4)
            .output("c", 2, 4)
            .output("z", 2, 4)
            .graph();

    assertThat(parsed(Sparsifier.of(graph).rewrite(BITMAP)).getGraph().getNodeList())
        .extracting(NodeProto::getOpType)
        .containsExactlyInAnyOrder("SparseLinear", "Add", "SparseLinear", "Add");
  }

  @ParameterizedTest
  @CsvSource({
    "alpha, 0.5, it scales its sums (alpha or beta)",
    "beta, 2, it scales its sums (alpha or beta)"
  })
  void aGemmThatScalesIsLeftAlone(String attribute, float value, String why) {
    Graph graph =
        new ModelBuilder()
            .input("x", 2, 4)
            .floats("w", halfZero(16, 1), 4, 4)
            .weight("b", 4)
            .node("Gemm", "x w b", "y", attribute, value)
            .output("y", 2, 4)
            .graph();

    assertLeft(graph, why);
  }

  @Test
  void whatIsNoLinearLayerIsLeftAloneWithTheReason() {
    assertLeft(
        new ModelBuilder()
            .input("x", 4, 2)
            .weight("w", 4, 4)
            .node("Gemm", "x w", "y", "transA", 1L)
            .output("y", 2, 4)
            .graph(),
        "its input is transposed");
    assertLeft(
        new ModelBuilder()
            .input("x", 2, 4)
            .weight("w", 4, 4)
            .weight("b", 2, 4)
            .node("Gemm", "x w b", "y")
            .output("y", 2, 4)
            .graph(),
        "its bias is not one constant number for each output");
    assertLeft(
        new ModelBuilder()
            .input("x", 2, 4)
            .weight("w", 2, 4, 4)
            .node("MatMul", "x w", "y")
            .output("y", 2, 2, 4)
            .graph(),
        "its weights are no matrix");
    assertLeft(
        new ModelBuilder()
            .input("x", 2, 4)
            .input("w", 4, 4)
            .weight("w", 4, 4)
            .node("MatMul", "x w", "y")
            .output("y", 2, 4)
            .graph(),
        "its weights can be changed from outside, as an input of the graph");
  }

  @Test
  void weightsThatTheFormatCannotHoldAreLeftAloneWithTheReason() {
    Graph graph =
        new ModelBuilder()
            .input("x", 2, 4)
            .weight("w", 4, 4)
            .node("MatMul", "x w", "y")
            .output("y", 2, 4)
            .graph();

    Sparsified made = Sparsifier.of(graph).rewrite((l, w) -> new Hold(Format.TWO_FOUR));

    assertThat(made.rows()).isEmpty();
    assertThat(made.leftAlone())
        .singleElement()
        .satisfies(
            left -> {
              assertThat(left.node()).isEqualTo("the_y");
              assertThat(left.reason()).contains("row 0 has more than two weights");
            });
    assertThat(parsed(made)).isEqualTo(graph.model());
  }

  @Test
  void layersThatAreNotChosenStayWithTheReason() {
    Graph graph =
        new ModelBuilder()
            .input("x", 2, 4)
            .weight("w", 4, 4)
            .node("MatMul", "x w", "y")
            .output("y", 2, 4)
            .graph();

    Sparsified made =
        Sparsifier.of(graph).rewrite((l, w) -> new Sparsifier.Decision.Leave("it is dense"));

    assertThat(made.leftAlone())
        .containsExactly(new Sparsified.LeftAlone("w", "the_y", "it is dense"));
  }

  @Test
  void whatIsKnownOfAValueThatIsGoneGoesToo() {
    ModelProto model =
        new ModelBuilder()
            .input("x", 2, 4)
            .floats("w", halfZero(16, 1), 4, 4)
            .weight("b", 4)
            .node("MatMul", "x w", "gone")
            .node("Add", "gone b", "kept")
            .node("Relu", "kept", "y")
            .output("y", 2, 4)
            .model();
    ModelProto.Builder described = model.toBuilder();
    for (String name : List.of("gone", "kept")) {
      described.getGraphBuilder().addValueInfo(ValueInfoProto.newBuilder().setName(name));
    }
    Graph graph = Graph.of(described.build(), java.nio.file.Path.of("described.onnx"));

    assertThat(parsed(Sparsifier.of(graph).rewrite(BITMAP)).getGraph().getValueInfoList())
        .extracting(ValueInfoProto::getName)
        .containsExactly("kept");
  }

  private static void assertLeft(Graph graph, String why) {
    Sparsified made = Sparsifier.of(graph).rewrite(BITMAP);
    assertThat(made.rows()).isEmpty();
    assertThat(made.leftAlone()).containsExactly(new Sparsified.LeftAlone("w", "the_y", why));
    assertThat(parsed(made)).isEqualTo(graph.model());
  }

  /** Gives numbers of which, in each column of that many, the first two of four rows are zero. */
  private static float[] halfZero(int count, int columns) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = i / columns % 4 < 2 ? 0 : i + 1;
    }
    return values;
  }

  private static float[] transposed(float[] values, int rows, int columns) {
    float[] turned = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      turned[i % columns * rows + i / columns] = values[i];
    }
    return turned;
  }

  private static ModelProto parsed(Sparsified made) {
    try {
      return ModelProto.parseFrom(made.model());
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  private static Map<String, TensorProto> tensors(ModelProto model) {
    Map<String, TensorProto> tensors = new HashMap<>();
    model.getGraph().getInitializerList().forEach(t -> tensors.put(t.getName(), t));
    return tensors;
  }

  /** Gives the weights that a node's parts are, as [out, in]. */
  private static float[] weights(ModelProto model, NodeProto node) {
    Node held = new Node(node);
    Map<String, ByteBuffer> parts = new HashMap<>();
    for (String name : node.getInputList().subList(1, 4)) {
      TensorProto part = tensors(model).get(name);
      if (part != null) {
        parts.put(name.substring(name.lastIndexOf('/') + 1), TensorBytes.copy(part));
      }
    }
    Tensor dense =
        LinearWeights.of(
                Format.named(held.text("format", "")),
                DType.F32,
                held.integer("out", 0),
                held.integer("in", 0),
                parts)
            .decompress();
    ByteBuffer bytes =
        ByteBuffer.allocate(4 * (int) dense.shape().elements()).order(ByteOrder.LITTLE_ENDIAN);
    dense.read(0, bytes);
    float[] values = new float[bytes.capacity() / 4];
    bytes.rewind().asFloatBuffer().get(values);
    return values;
  }
}
