package dev.coppice.formats.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import com.google.protobuf.ByteString;
import dev.coppice.Axes;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor.Role;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** ONNX Runtime runs what was written, and Python's onnx says what must come out. */
class GoldenModelTest {
  @TempDir Path folder;

  /** What make_onnx_models.py wrote beside a model. */
  private record Golden(Path model, List<String> lines) {
    static Golden of(String name) throws IOException {
      Path here = Path.of("src/test/resources/dev/coppice/formats/onnx/golden");
      return new Golden(
          here.resolve(name + ".onnx"), Files.readAllLines(here.resolve(name + ".txt")));
    }

    Map<String, Role> weights() {
      Map<String, Role> weights = new HashMap<>();
      for (String weight : List.of(lines.get(0).split(" "))) {
        List<String> parts = List.of(weight.split(":"));
        Axes axes = new Axes(Integer.parseInt(parts.get(1)), Integer.parseInt(parts.get(2)));
        weights.put(parts.get(0), new Role.Weight(axes));
      }
      return weights;
    }

    long[] xShape() {
      return Arrays.stream(lines.get(1).split(" ")).mapToLong(Long::parseLong).toArray();
    }

    float[] x() {
      return floats(lines.get(2));
    }

    float[] y() {
      return floats(lines.get(4));
    }

    private static float[] floats(String line) {
      List<String> words = List.of(line.split(" "));
      float[] floats = new float[words.size()];
      IntStream.range(0, floats.length).forEach(i -> floats[i] = Float.parseFloat(words.get(i)));
      return floats;
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "raw",
        "external",
        "float_data",
        "float16_int32_data",
        "bfloat16_int32_data",
        "convolutions",
        "nested"
      })
  void aCopyComputesWhatPythonComputesWithTheSameWeightsZeroed(String name) throws Exception {
    Golden golden = Golden.of(name);
    Path target = folder.resolve("out.onnx");
    try (Checkpoint checkpoint = new OnnxFormat().open(golden.model())) {
      assertThat(weights(checkpoint)).isEqualTo(golden.weights());
      Copies.write(checkpoint, target, false, golden.weights().keySet(), i -> i % 2 == 1);
    }
    assertThat(run(target, golden.x(), golden.xShape()))
        .containsExactly(golden.y(), Offset.offset(1e-5f));
  }

  /** Compares with a model in which onnx.proto's own classes have zeroed the weights. */
  @ParameterizedTest
  @ValueSource(strings = {"fashion-resnet.onnx", "fashion-mobile.onnx"})
  void aCopyOfARealModelIsTheSameModelWithTheSameOutputs(String name) throws Exception {
    Path model = Path.of("../../shared/data/fashion").resolve(name);
    assumeThat(model).as("the models for measuring are not on this machine").exists();
    Path target = folder.resolve("out.onnx");
    Path expected = folder.resolve("expected.onnx");
    try (Checkpoint checkpoint = new OnnxFormat().open(model)) {
      Map<String, Role> weights = weights(checkpoint);
      assertThat(weights).hasSizeGreaterThan(15);
      Copies.write(checkpoint, target, false, weights.keySet(), i -> i % 2 == 1);
      zeroWithTheLibrary(model, expected, weights);
    }
    assertThat(ModelProto.parseFrom(Files.readAllBytes(target)))
        .isEqualTo(ModelProto.parseFrom(Files.readAllBytes(expected)));
    assertThat(target).hasSize(Files.size(model));
    float[] x = new float[4 * 28 * 28];
    SplittableRandom random = new SplittableRandom(1);
    IntStream.range(0, x.length).forEach(i -> x[i] = (float) random.nextDouble());
    long[] shape = {4, 1, 28, 28};
    assertThat(run(target, x, shape)).hasSize(40).isEqualTo(run(expected, x, shape));
  }

  private static Map<String, Role> weights(Checkpoint checkpoint) {
    Map<String, Role> weights = new HashMap<>();
    checkpoint.tensors().stream()
        .filter(tensor -> tensor.role() instanceof Role.Weight)
        .forEach(tensor -> weights.put(tensor.name(), tensor.role()));
    return weights;
  }

  private static void zeroWithTheLibrary(Path model, Path to, Map<String, Role> weights)
      throws IOException {
    ModelProto.Builder copy = ModelProto.parseFrom(Files.readAllBytes(model)).toBuilder();
    for (TensorProto.Builder tensor : copy.getGraphBuilder().getInitializerBuilderList()) {
      if (weights.containsKey(tensor.getName())) {
        byte[] raw = tensor.getRawData().toByteArray();
        for (int i = 4; i < raw.length; i += 8) {
          Arrays.fill(raw, i, i + 4, (byte) 0);
        }
        tensor.setRawData(ByteString.copyFrom(raw));
      }
    }
    Files.write(to, copy.build().toByteArray());
  }

  private static float[] run(Path model, float[] x, long[] shape) throws OrtException {
    OrtEnvironment runtime = OrtEnvironment.getEnvironment();
    try (OrtSession session = runtime.createSession(model.toString());
        OnnxTensor input = OnnxTensor.createTensor(runtime, FloatBuffer.wrap(x), shape);
        OrtSession.Result result =
            session.run(Map.of(session.getInputNames().iterator().next(), input))) {
      FloatBuffer y = ((OnnxTensor) result.get(0)).getFloatBuffer();
      float[] floats = new float[y.remaining()];
      y.get(floats);
      return floats;
    }
  }
}
