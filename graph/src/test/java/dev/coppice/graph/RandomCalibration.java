package dev.coppice.graph;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/** Calibration on random inputs. */
record RandomCalibration(Map<String, long[]> sizes, int batches) implements Calibration {
  @Override
  public Session open(byte[] model) throws IOException {
    try {
      return new Running(OrtEnvironment.getEnvironment().createSession(model));
    } catch (OrtException e) {
      throw new IOException(e);
    }
  }

  private final class Running implements Session {
    private final OrtSession session;

    Running(OrtSession session) {
      this.session = session;
    }

    @Override
    public Map<String, Activation> run(int batch) throws IOException {
      Map<String, OnnxTensor> inputs = Map.of();
      try {
        inputs = OnnxRuntime.inputs(session, sizes, batch);
        try (OrtSession.Result result = session.run(inputs)) {
          Map<String, Activation> found = new HashMap<>();
          for (Map.Entry<String, OnnxValue> value : result) {
            if (value.getValue() instanceof OnnxTensor tensor
                && tensor.getInfo().type == OnnxJavaType.FLOAT) {
              found.put(
                  value.getKey(),
                  new Activation(
                      Arrays.stream(tensor.getInfo().getShape()).boxed().toList(),
                      tensor.getFloatBuffer()));
            }
          }
          return found;
        }
      } catch (OrtException e) {
        throw new IOException(e);
      } finally {
        inputs.values().forEach(OnnxTensor::close);
      }
    }

    @Override
    public void close() {
      try {
        session.close();
      } catch (OrtException e) {
        throw new IllegalStateException(e);
      }
    }
  }
}
