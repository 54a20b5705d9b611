package dev.coppice.evaluation.data;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.coppice.evaluation.OnnxModel;
import dev.coppice.graph.Calibration.Activation;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;

/** A model in ONNX Runtime. The one who opens it closes it; for one thread at a time. */
final class ModelSession implements AutoCloseable {
  private final OnnxModel model;

  private ModelSession(OnnxModel model) {
    this.model = model;
  }

  static ModelSession open(byte[] model, int threads) throws IOException {
    try {
      return new ModelSession(OnnxModel.open(model, threads));
    } catch (OrtException e) {
      throw failed("load", e);
    }
  }

  /** Gives those outputs that are floats, in the model's order. */
  Map<String, Activation> run(Map<String, InputValues> inputs) throws IOException {
    Map<String, OnnxTensor> tensors = new HashMap<>();
    try {
      for (Map.Entry<String, InputValues> input : inputs.entrySet()) {
        tensors.put(input.getKey(), input.getValue().tensor());
      }
      try (OrtSession.Result result = model.run(tensors)) {
        return activations(result);
      }
    } catch (OrtException e) {
      throw failed("run", e);
    } finally {
      tensors.values().forEach(OnnxTensor::close);
    }
  }

  private static Map<String, Activation> activations(OrtSession.Result result) {
    Map<String, Activation> activations = new LinkedHashMap<>();
    for (Map.Entry<String, OnnxValue> output : result) {
      if (output.getValue() instanceof OnnxTensor tensor) {
        switch (tensor.getInfo().type) {
          case FLOAT, FLOAT16, BFLOAT16 -> {
            FloatBuffer values = tensor.getFloatBuffer();
            activations.put(
                output.getKey(),
                new Activation(
                    Arrays.stream(tensor.getInfo().getShape()).boxed().toList(), values));
          }
          default -> {
            // Calibration is about floats.
          }
        }
      }
    }
    return activations;
  }

  private static IOException failed(String what, OrtException cause) {
    return new IOException(
        "ONNX Runtime cannot " + what + " the model: " + cause.getMessage(), cause);
  }

  @Override
  public void close() {
    try {
      model.close();
    } catch (OrtException e) {
      throw new IllegalStateException("ONNX Runtime cannot close a model", e);
    }
  }
}
