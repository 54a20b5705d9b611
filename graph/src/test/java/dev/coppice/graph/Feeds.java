package dev.coppice.graph;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import java.io.IOException;
import java.nio.Buffer;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Batches of arrays that models are run on with ONNX Runtime. */
record Feeds(List<Map<String, Feed>> all) implements Calibration {
  private static final OrtEnvironment ENVIRONMENT = OrtEnvironment.getEnvironment();

  /** An array for an input. */
  @SuppressWarnings("ArrayRecordComponent") // Nobody compares them.
  record Feed(Buffer values, long... shape) {
    OnnxTensor tensor() throws OrtException {
      return values instanceof FloatBuffer floats
          ? OnnxTensor.createTensor(ENVIRONMENT, floats.duplicate(), shape)
          : OnnxTensor.createTensor(ENVIRONMENT, ((LongBuffer) values).duplicate(), shape);
    }
  }

  @Override
  public int batches() {
    return all.size();
  }

  @Override
  public Session open(byte[] model) throws IOException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setIntraOpNumThreads(2);
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR);
      return new Running(ENVIRONMENT.createSession(model, options), all);
    } catch (OrtException e) {
      throw new IOException(e);
    }
  }

  private static final class Running implements Session {
    private final OrtSession session;
    private final List<Map<String, Feed>> all;
    private OrtSession.@Nullable Result result;

    Running(OrtSession session, List<Map<String, Feed>> all) {
      this.session = session;
      this.all = all;
    }

    @Override
    public Map<String, Activation> run(int batch) throws IOException {
      Map<String, OnnxTensor> inputs = new HashMap<>();
      try {
        for (Map.Entry<String, Feed> feed : all.get(batch).entrySet()) {
          inputs.put(feed.getKey(), feed.getValue().tensor());
        }
        if (result != null) {
          result.close();
        }
        OrtSession.Result made = session.run(inputs);
        result = made;
        return floats(made);
      } catch (OrtException e) {
        throw new IOException(e);
      } finally {
        inputs.values().forEach(OnnxTensor::close);
      }
    }

    private static Map<String, Activation> floats(OrtSession.Result result) {
      Map<String, Activation> floats = new HashMap<>();
      for (Map.Entry<String, OnnxValue> value : result) {
        TensorInfo info = (TensorInfo) value.getValue().getInfo();
        if (info.type == OnnxJavaType.FLOAT) {
          List<Long> shape = Arrays.stream(info.getShape()).boxed().toList();
          FloatBuffer values = ((OnnxTensor) value.getValue()).getFloatBuffer();
          floats.put(value.getKey(), new Activation(shape, values));
        }
      }
      return floats;
    }

    @Override
    public void close() {
      try {
        if (result != null) {
          result.close();
        }
        session.close();
      } catch (OrtException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
