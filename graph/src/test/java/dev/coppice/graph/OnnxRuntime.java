package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;

/** Runs models with random inputs. */
final class OnnxRuntime {
  private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

  private OnnxRuntime() {}

  /** Gives the last output of a model, of floats. */
  static float[] run(byte[] model, Map<String, long[]> sizes, long seed) throws OrtException {
    try (OrtSession.SessionOptions options = options();
        OrtSession session = ENVIRONMENT.createSession(model, options)) {
      Map<String, OnnxTensor> inputs = inputs(session, sizes, seed);
      try (OrtSession.Result result = session.run(inputs)) {
        FloatBuffer buffer = ((OnnxTensor) result.get(result.size() - 1)).getFloatBuffer();
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
      } finally {
        inputs.values().forEach(OnnxTensor::close);
      }
    }
  }

  /** Gives the shapes of all outputs of a model. */
  static Map<String, long[]> shapes(byte[] model, Map<String, long[]> sizes) throws OrtException {
    Map<String, long[]> shapes = new HashMap<>();
    try (OrtSession.SessionOptions options = options();
        OrtSession session = ENVIRONMENT.createSession(model, options)) {
      Map<String, OnnxTensor> inputs = inputs(session, sizes, 0);
      try (OrtSession.Result result = session.run(inputs)) {
        for (Map.Entry<String, OnnxValue> value : result) {
          shapes.put(value.getKey(), ((TensorInfo) value.getValue().getInfo()).getShape());
        }
      } finally {
        inputs.values().forEach(OnnxTensor::close);
      }
    }
    return shapes;
  }

  /** Counts the nodes of each operator that ONNX Runtime makes of a model. */
  static Map<String, Integer> optimized(byte[] model) throws OrtException, IOException {
    Path file = Files.createTempFile("optimized", ".onnx");
    try (OrtSession.SessionOptions options = options()) {
      options.setOptimizedModelFilePath(file.toString());
      ENVIRONMENT.createSession(model, options).close();
      Map<String, Integer> counts = new TreeMap<>();
      ModelProto.parseFrom(Files.readAllBytes(file))
          .getGraph()
          .getNodeList()
          .forEach(node -> counts.merge(node.getOpType(), 1, Integer::sum));
      return counts;
    } finally {
      Files.delete(file);
    }
  }

  private static OrtSession.SessionOptions options() throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(2);
    options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
    return options;
  }

  static Map<String, OnnxTensor> inputs(OrtSession session, Map<String, long[]> sizes, long seed)
      throws OrtException {
    Random random = new Random(seed);
    Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
    for (var input : session.getInputInfo().entrySet()) {
      long[] shape = Objects.requireNonNull(sizes.get(input.getKey()));
      int count = 1;
      for (long size : shape) {
        count *= (int) size;
      }
      boolean integers = ((TensorInfo) input.getValue().getInfo()).type == OnnxJavaType.INT64;
      inputs.put(
          input.getKey(),
          integers
              ? OnnxTensor.createTensor(
                  ENVIRONMENT, LongBuffer.wrap(integers(input.getKey(), count, random)), shape)
              : OnnxTensor.createTensor(
                  ENVIRONMENT, FloatBuffer.wrap(floats(count, random)), shape));
    }
    return inputs;
  }

  private static long[] integers(String name, int count, Random random) {
    return random.longs(count, 0, name.equals("input_ids") ? 20_000 : 2).toArray();
  }

  private static float[] floats(int count, Random random) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = 2 * random.nextFloat() - 1;
    }
    return values;
  }
}
