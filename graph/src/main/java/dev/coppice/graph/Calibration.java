package dev.coppice.graph;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;

/**
 * Runs models on data that is like what they will see: for what is measured on activations. Batches
 * are the same each time. For one thread at a time.
 */
public interface Calibration {
  /** Gives how many batches there are, one at least. */
  int batches();

  /**
   * Opens a model that takes the inputs of the dense one, to be closed by the caller.
   *
   * @param model an ONNX model as the bytes of a file
   * @throws IOException if the model cannot be loaded
   */
  Session open(byte[] model) throws IOException;

  /** A model that is loaded. */
  interface Session extends AutoCloseable {
    /**
     * Runs the model on a batch.
     *
     * @param batch from 0 to {@link #batches} - 1
     * @return those outputs of the model that are floats, by name, valid until the next run
     * @throws IOException if the model cannot be run
     */
    Map<String, Activation> run(int batch) throws IOException;

    @Override
    void close();
  }

  /**
   * What flows through a value of the graph.
   *
   * @param shape its shape, all sizes known
   * @param values its numbers, row-major
   */
  record Activation(List<Long> shape, FloatBuffer values) {}
}
