package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import com.google.protobuf.InvalidProtocolBufferException;
import dev.coppice.BackendUnavailableException;
import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.simd.OrtLibrary;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The operator in ONNX Runtime: right, on all shapes of x; and what is damaged is refused. */
class SparseLinearOperatorTest {
  private static final double F32_UNIT = 0x1p-24;

  @BeforeEach
  void requireTheLibrary() {
    requireLibrary();
  }

  /** Skips where the library was not built; {@code -Dcoppice.require=native} fails. */
  static void requireLibrary() {
    try {
      OrtLibrary.content();
    } catch (BackendUnavailableException e) {
      if (System.getProperty("coppice.require", "").contains("native")) {
        fail(e);
      }
      assumeTrue(false, e.getMessage());
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 4", "3, 12", "16, 32", "17, 36", "33, 60", "64, 64", "31, 132", "96, 384"})
  void productsAreThoseOfTheDenseWeights(int out, int in) throws OrtException {
    Random random = new Random(out * 31L + in);
    for (Format format : List.of(Format.BITMAP, Format.TWO_FOUR, Format.CSR)) {
      Tensor weights = LayerCase.weights(random, format, DType.F32, out, in);
      for (long[] lead : new long[][] {{}, {1}, {2}, {8}, {9}, {17}, {2, 3}, {3, 1, 5}}) {
        Optional<Tensor> bias =
            random.nextBoolean()
                ? Optional.of(LayerCase.numbers(random, DType.F32, out))
                : Optional.empty();
        long[] shape = Arrays.copyOf(lead, lead.length + 1);
        shape[lead.length] = in;
        check(format, weights, bias, LayerCase.numbers(random, DType.F32, shape), 1);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = "DENSE", mode = EnumSource.Mode.EXCLUDE)
  void manyThreadsShareALargeLayer(Format format) throws OrtException {
    Random random = new Random(7);
    Tensor weights = LayerCase.weights(random, format, DType.F32, 3001, 400);
    Optional<Tensor> bias = Optional.of(LayerCase.numbers(random, DType.F32, 3001));
    for (int batch : new int[] {1, 11}) {
      check(format, weights, bias, LayerCase.numbers(random, DType.F32, batch, 400), 4);
    }
  }

  @ParameterizedTest
  @EnumSource(names = "DENSE", mode = EnumSource.Mode.EXCLUDE)
  void aBatchMayBeEmpty(Format format) throws OrtException {
    Tensor weights = LayerCase.weights(new Random(8), format, DType.F32, 20, 32);
    byte[] model = new OperatorModel(format, weights, Optional.empty()).build(2);
    try (OnnxModel session = OnnxModel.open(model, 1);
        OnnxTensor x = tensor(FloatBuffer.allocate(0), 0, 32);
        OrtSession.Result result = session.run(Map.of("x", x))) {
      assertThat(((OnnxTensor) result.get(0)).getInfo().getShape()).containsExactly(0, 20);
    }
  }

  @Test
  void sessionsMayOutliveTheirOptionsAndOneAnother() throws OrtException {
    Random random = new Random(9);
    Tensor weights = LayerCase.weights(random, Format.BITMAP, DType.F32, 8, 16);
    byte[] model = new OperatorModel(Format.BITMAP, weights, Optional.empty()).build(2);
    Tensor x = LayerCase.numbers(random, DType.F32, 1, 16);
    OnnxModel first = OnnxModel.open(model, 1);
    try (OnnxModel second = OnnxModel.open(model, 1)) {
      first.close();
      assertThat(run(second, x)).hasSize(8);
    }
    try (OnnxModel third = OnnxModel.open(model, 1)) {
      assertThat(run(third, x)).hasSize(8);
    }
  }

  /** As transformers do between projections and attention heads. */
  @Test
  void sizesThatAreNotKnownBeforeTheRunMayBeComputedWith() throws OrtException {
    Random random = new Random(12);
    Tensor weights = LayerCase.weights(random, Format.BITMAP, DType.F32, 12, 16);
    ModelProto.Builder model =
        parsed(new OperatorModel(Format.BITMAP, weights, Optional.empty()).build(3)).toBuilder();
    GraphProto.Builder graph = model.getGraphBuilder();
    List.of(graph.getInputBuilder(0), graph.getOutputBuilder(0))
        .forEach(
            value ->
                value
                    .getTypeBuilder()
                    .getTensorTypeBuilder()
                    .getShapeBuilder()
                    .getDimBuilderList()
                    .forEach(TensorShapeProto.Dimension.Builder::clearDimParam));
    GraphProto heads =
        new TinyGraph()
            .integers("zero", 0)
            .integers("one", 1)
            .integers("size", 4)
            .node("Shape", "y", "shape")
            .node("Gather", "shape zero", "n")
            .node("Gather", "shape one", "m")
            .node("Concat", "n m size", "half", "axis", 0L)
            .integers("rest", -1)
            .node("Concat", "half rest", "wanted", "axis", 0L)
            .node("Reshape", "y wanted", "heads")
            .nested();
    graph
        .addAllNode(heads.getNodeList())
        .addAllInitializer(heads.getInitializerList())
        .addOutput(ValueInfoProto.newBuilder().setName("heads"));
    try (OnnxModel session = OnnxModel.open(model.build().toByteArray(), 1);
        OnnxTensor x = tensor(FloatBuffer.allocate(2 * 5 * 16), 2, 5, 16);
        OrtSession.Result result = session.run(Map.of("x", x))) {
      assertThat(((OnnxTensor) result.get(1)).getInfo().getShape()).containsExactly(2, 5, 4, 3);
    }
  }

  @Test
  void theShapeOfTheOutputIsThatOfTheInputButForItsWidth() throws OrtException {
    Tensor weights = LayerCase.weights(new Random(13), Format.BITMAP, DType.F32, 12, 16);
    ModelProto model = parsed(new OperatorModel(Format.BITMAP, weights, Optional.empty()).build(3));
    ModelProto.Builder undeclared = model.toBuilder();
    undeclared.getGraphBuilder().getOutputBuilder(0).clearType();
    undeclared
        .getGraphBuilder()
        .getInputBuilder(0)
        .getTypeBuilder()
        .getTensorTypeBuilder()
        .getShapeBuilder()
        .setDim(1, TensorShapeProto.Dimension.newBuilder().setDimValue(7));
    try (OnnxModel session = OnnxModel.open(undeclared.build().toByteArray(), 1)) {
      TensorInfo y = (TensorInfo) Objects.requireNonNull(session.outputInfo().get("y")).getInfo();
      assertThat(y.getShape()).containsExactly(-1, 7, 12);
      assertThat(y.getDimensionNames()).containsExactly("x0", "", "");
    }
  }

  private static ModelProto parsed(byte[] model) {
    try {
      return ModelProto.parseFrom(model);
    } catch (InvalidProtocolBufferException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void anInputOfAnotherWidthIsAnErrorOfTheRun() throws OrtException {
    Tensor weights = LayerCase.weights(new Random(2), Format.BITMAP, DType.F32, 8, 16);
    byte[] model = new OperatorModel(Format.BITMAP, weights, Optional.empty()).build(2);
    try (OnnxModel session = OnnxModel.open(model, 1)) {
      Tensor x = LayerCase.numbers(new Random(3), DType.F32, 2, 12);
      assertThatThrownBy(() -> run(session, x))
          .isInstanceOf(OrtException.class)
          .hasMessageContaining("the last axis of x must be 16, not 12");
      assertThat(run(session, LayerCase.numbers(new Random(3), DType.F32, 2, 16))).hasSize(16);
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource
  void partsThatAreDamagedAreRefused(
      String message, Format format, UnaryOperator<OperatorModel> damage) {
    Tensor weights = LayerCase.fill(LayerCase.empty(DType.F32, 18, 36), i -> i % 4 < 2 ? i + 1 : 0);
    Optional<Tensor> bias = Optional.of(LayerCase.numbers(new Random(1), DType.F32, 18));
    byte[] model = damage.apply(new OperatorModel(format, weights, bias)).build(2);

    assertThatThrownBy(() -> OnnxModel.open(model, 1).close())
        .isInstanceOf(OrtException.class)
        .hasMessageContaining(message);
  }

  static Stream<Arguments> partsThatAreDamagedAreRefused() {
    Format bitmap = Format.BITMAP;
    Format twoFour = Format.TWO_FOUR;
    Format csr = Format.CSR;
    return Stream.of(
        damage("its format must be bitmap, 2:4 or csr, not coo", bitmap, m -> m.format("coo")),
        damage(
            "a layer has from 1 to 536870911 outputs", bitmap, m -> m.size(0, 36).without("bias")),
        damage("a layer has from 1 to 536870911 outputs", bitmap, m -> m.size(18, -36)),
        damage(
            "a layer has from 1 to 536870911 outputs",
            twoFour,
            m -> m.size(1L << 40, 36).without("bias")),
        damage("the bias must be 17 elements, not 18", bitmap, m -> m.size(17, 36)),
        damage(
            "the bits must be 304 elements, not 288", bitmap, m -> m.size(19, 36).without("bias")),
        damage("the values must be a constant", bitmap, m -> m.asInput("values")),
        damage("the bias must be a constant", bitmap, m -> m.asInput("bias")),
        damage("the offsets must be a constant", bitmap, m -> m.without("offsets")),
        damage("must be of the type that the format says", bitmap, m -> m.format("2:4")),
        damage("must be of the type that the format says", twoFour, m -> m.format("bitmap")),
        damage("the offsets must be 19 elements, not 18", bitmap, m -> cut(m, "offsets", 8)),
        damage("the values must be 360 elements, not 359", bitmap, m -> cut(m, "values", 4)),
        damage("the values of row 0 must begin at element 0, not 4", bitmap, m -> offset(m, 0, 4)),
        damage("the values of row 5 must begin at element 100", bitmap, m -> offset(m, 5, -8)),
        damage("the values of row 18 must begin", bitmap, m -> offset(m, 18, Long.MAX_VALUE)),
        damage("row 0 has bits beyond its 36 columns", bitmap, m -> octet(m, 4, 0x13)),
        damage("row 1 has bits beyond its 36 columns", bitmap, m -> octet(m, 16 + 15, 1)),
        damage("the values of row 1 must begin at element 24", bitmap, m -> octet(m, 0, 0xFF)),
        damage("row 0 has a value other than zero at element 18", bitmap, m -> filling(m, 18)),
        damage("row 17 has a value other than zero at element 359", bitmap, m -> filling(m, 359)),
        damage(
            "2:4 needs a number of inputs that is a multiple of 4, not 35",
            twoFour,
            m -> m.size(18, 35)),
        damage("the values must be 1024 elements, not 1023", twoFour, m -> cut(m, "values", 4)),
        damage("the positions must be 64 elements, not 63", twoFour, m -> cut(m, "index", 4)),
        damage("row 0 has positions 1 and 0 for columns 0 to 3", twoFour, m -> octet(m, 0, 0x41)),
        damage("row 0 has positions 3 and 3 for columns 4 to 7", twoFour, m -> octet(m, 0, 0xF4)),
        damage("must be of the type that the format says", bitmap, m -> m.format("csr")),
        damage("the offsets must be 19 elements, not 18", csr, m -> cut(m, "offsets", 4)),
        damage("the values must be 324 elements, not 323", csr, m -> cut(m, "values", 4)),
        damage(
            "the first row must begin at element 0, not 2", csr, m -> number(m, "offsets", 0, 2)),
        damage("row 3 must end between elements 54", csr, m -> number(m, "offsets", 4, 53)),
        damage("row 3 must end between elements 54", csr, m -> number(m, "offsets", 4, 325)),
        damage("the last row must end at element 324", csr, m -> number(m, "offsets", 18, 323)),
        damage("row 0 has column 36 after column 32", csr, m -> number(m, "index", 17, 36)),
        damage("row 0 has column 0 after column 0", csr, m -> number(m, "index", 1, 0)),
        damage("row 1 has column -1 after column -1", csr, m -> number(m, "index", 18, -1)),
        damage("row 17 has a weight other than zero in column 36", twoFour, m -> value(m, 17, 36)),
        damage("row 18 has a weight other than zero in column 0", twoFour, m -> value(m, 18, 0)));
  }

  private static Arguments damage(
      String message, Format format, UnaryOperator<OperatorModel> damage) {
    return Arguments.of(message, format, damage);
  }

  /** Leaves out the last element of a part, of that many bytes, and makes it flat. */
  private static OperatorModel cut(OperatorModel model, String part, int bytes) {
    ByteBuffer all = model.bytes(part);
    int left = all.capacity() - bytes;
    return model.replace(part, all.slice(0, left), left / bytes);
  }

  private static OperatorModel offset(OperatorModel model, int row, long value) {
    return model.replace("offsets", model.bytes("offsets").putLong(8 * row, value));
  }

  private static OperatorModel number(OperatorModel model, String part, int at, int value) {
    return model.replace(part, model.bytes(part).putInt(4 * at, value));
  }

  private static OperatorModel octet(OperatorModel model, int at, int value) {
    return model.replace("index", model.bytes("index").put(at, (byte) value));
  }

  private static OperatorModel filling(OperatorModel model, int at) {
    return number(model, "values", at, 1);
  }

  /** Sets a stored value of 2:4 weights of 64 columns. */
  private static OperatorModel value(OperatorModel model, int row, int column) {
    int at = 4 * (row * 32 + column / 2);
    return model.replace("values", model.bytes("values").putInt(at, 1));
  }

  private static void check(
      Format format, Tensor weights, Optional<Tensor> bias, Tensor x, int threads)
      throws OrtException {
    byte[] model = new OperatorModel(format, weights, bias).build(x.shape().rank());
    float[] found;
    try (OnnxModel session = OnnxModel.open(model, threads)) {
      found = run(session, x);
    }
    int out = (int) weights.shape().dimension(0);
    int in = (int) weights.shape().dimension(1);
    double[] w = LayerCase.values(weights);
    double[] inputs = LayerCase.values(x);
    double[] added = bias.map(LayerCase::values).orElse(new double[out]);
    assertThat(found).hasSize(inputs.length / in * out);
    for (int i = 0; i < found.length; i++) {
      double sum = added[i % out];
      double size = Math.abs(sum);
      for (int c = 0; c < in; c++) {
        double term = inputs[i / out * in + c] * w[i % out * in + c];
        sum += term;
        size += Math.abs(term);
      }
      assertThat(Math.abs(found[i] - sum))
          .as("%s [%d, %d], element %d", format, out, in, i)
          .isLessThanOrEqualTo(2 * (in + 2) * F32_UNIT * size);
    }
  }

  private static float[] run(OnnxModel session, Tensor x) throws OrtException {
    try (OnnxTensor input = tensor(LayerCase.bytes(x).asFloatBuffer(), x.shape().toArray());
        OrtSession.Result result = session.run(Map.of("x", input))) {
      FloatBuffer buffer = ((OnnxTensor) result.get(0)).getFloatBuffer();
      float[] values = new float[buffer.remaining()];
      buffer.get(values);
      return values;
    }
  }

  private static OnnxTensor tensor(FloatBuffer values, long... shape) throws OrtException {
    return OnnxTensor.createTensor(OnnxModel.ENVIRONMENT, values, shape);
  }
}
