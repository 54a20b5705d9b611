package dev.coppice.evaluation.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import dev.coppice.InvalidPlanException;
import dev.coppice.graph.Calibration;
import dev.coppice.graph.Calibration.Activation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Small models on the arrays of {@link ArraySamplesTest}: five samples of two numbers each. */
class DatasetTest {
  private static final DataOptions ALL = DataOptions.withThreads(1);

  @TempDir private Path folder;
  private Path file = Path.of("");

  @BeforeEach
  void writeArrays() throws IOException {
    try (InputStream in =
        Objects.requireNonNull(DatasetTest.class.getResourceAsStream("plain.npz"))) {
      file = Files.write(folder.resolve("a@b.npz"), in.readAllBytes());
    }
  }

  private static ValueInfoProto value(String name, DataType type, long batch) {
    TypeProto.Tensor.Builder tensor = TypeProto.Tensor.newBuilder().setElemType(type.getNumber());
    if (batch < 0) {
      tensor.getShapeBuilder().addDimBuilder().setDimParam("N");
    } else {
      tensor.getShapeBuilder().addDimBuilder().setDimValue(batch);
    }
    tensor.getShapeBuilder().addDimBuilder().setDimValue(2);
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(TypeProto.newBuilder().setTensorType(tensor))
        .build();
  }

  private static NodeProto node(String op, String input, String output) {
    return NodeProto.newBuilder().setOpType(op).addInput(input).addOutput(output).build();
  }

  /** Makes a model that gives its input "f4" back, negated, and says whether "b1" is true. */
  private static byte[] model(long batch, DataType type, String op) {
    return ModelProto.newBuilder()
        .setIrVersion(8)
        .addOpsetImport(OperatorSetIdProto.newBuilder().setVersion(17))
        .setGraph(
            GraphProto.newBuilder()
                .setName("test")
                .addInput(value("f4", type, batch))
                .addInput(value("b1", DataType.BOOL, batch))
                .addNode(node("Not", "b1", "not"))
                .addNode(node(op, "f4", "y"))
                .addOutput(value("not", DataType.BOOL, batch))
                .addOutput(value("y", type, batch)))
        .build()
        .toByteArray();
  }

  private static List<Float> numbers(Dataset data, byte[] model) throws IOException {
    List<Float> numbers = new ArrayList<>();
    try (Calibration.Session session = data.open(model)) {
      for (int batch = 0; batch < data.batches(); batch++) {
        Map<String, Activation> outputs = session.run(batch);
        assertThat(outputs).containsOnlyKeys("y");
        Activation output = Objects.requireNonNull(outputs.get("y"));
        for (int i = 0; i < output.values().remaining(); i++) {
          numbers.add(output.values().get(i));
        }
      }
    }
    return numbers;
  }

  @Test
  void eachInputGetsTheArrayOfItsNameInTheTypeItTakes() throws IOException {
    for (DataType type : List.of(DataType.FLOAT, DataType.FLOAT16, DataType.BFLOAT16)) {
      byte[] model = model(-1, type, type == DataType.BFLOAT16 ? "Identity" : "Neg");
      float sign = type == DataType.BFLOAT16 ? 1 : -1;
      try (Dataset data = Dataset.open(file.toString(), model, ALL.withSamples(3))) {
        assertThat(data.batches()).isEqualTo(1);
        assertThat(numbers(data, model))
            .containsExactly(
                sign * 0, sign * 0.25f, sign * 0.5f, sign * 0.75f, sign * 1.5f, sign * 1.75f);
      }
    }
  }

  @Test
  void closingTwiceIsFineAndUseAfterwardsIsRefused() throws IOException {
    byte[] model = model(-1, DataType.FLOAT, "Identity");
    Dataset data = Dataset.open(file.toString(), model, ALL);
    Calibration.Session session = data.open(model);
    data.close();
    data.close();
    assertThatThrownBy(() -> session.run(0)).isInstanceOf(IllegalStateException.class);
    session.close();
    session.close();
  }

  @Test
  void aModelOfAFixedBatchGetsThatManyAndWhatDoesNotFillOneIsLeftOut() throws IOException {
    byte[] model = model(2, DataType.FLOAT, "Identity");
    try (Dataset data = Dataset.open(file.toString(), model, ALL)) {
      assertThat(data.batches()).isEqualTo(2);
      assertThat(data.samples()).isEqualTo(4);
      assertThat(numbers(data, model))
          .containsExactly(0f, 0.25f, 0.5f, 0.75f, 1f, 1.25f, 1.5f, 1.75f);
    }
    assertThatThrownBy(
            () -> Dataset.open(file.toString(), model(6, DataType.FLOAT, "Identity"), ALL))
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("has 5 samples; the model takes 6 at once");
  }

  @Test
  void aFixedBatchIsMeasuredOnWhatFillsBatches() throws IOException {
    byte[] dense = model(2, DataType.FLOAT, "Identity");
    byte[] other = model(2, DataType.FLOAT, "Neg");
    try (Evaluation cosine = Evaluation.of(file + ":cosine-to-dense", dense, ALL)) {
      assertThat(cosine.score(dense)).isEqualTo(1);
      assertThat(cosine.score(other)).isEqualTo(-1);
    }
    assertThatThrownBy(
            () -> {
              try (Evaluation accuracy = Evaluation.of(file + ":accuracy", dense, ALL)) {
                accuracy.score(dense);
              }
            })
        .isInstanceOf(InvalidPlanException.class)
        .hasMessageContaining("a label is 4, and the model has 2 classes");
  }

  @Test
  void answersThatAreZeroOrNaNHaveNoCosine() throws IOException {
    byte[] dense = model(-1, DataType.FLOAT, "Identity");
    try (Evaluation cosine = Evaluation.of(file + ":cosine-to-dense", dense, ALL)) {
      // The floor of the first two of five samples is 0; their hyperbolic arc cosine is NaN.
      for (String op : List.of("Floor", "Acosh")) {
        assertThat(cosine.score(model(-1, DataType.FLOAT, op))).isBetween(0.4, 0.6);
      }
    }
  }

  @Test
  void aModelThatTakesWhatNoDataHasIsRefused() {
    for (DataType type : List.of(DataType.STRING, DataType.UINT32)) {
      assertThatThrownBy(() -> Dataset.open(file.toString(), model(-1, type, "Identity"), ALL))
          .isInstanceOf(InvalidPlanException.class)
          .hasMessageContaining("a type that no data has");
    }
  }
}
