package dev.coppice.evaluation.data;

import ai.onnxruntime.OrtException;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.InvalidPlanException;
import dev.coppice.evaluation.OnnxModel;
import dev.coppice.graph.Calibration;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Samples that a model is run on, in batches that are the same each time; docs/data.md has the
 * forms that are read. It runs models with ONNX Runtime on the CPU. For one thread at a time; the
 * one who opens it closes it, after all sessions.
 */
public final class Dataset implements Calibration, AutoCloseable {
  private static final int BATCH = 32;
  private static final long BATCH_BYTES = 8L << 20;
  private static final long MOST_INPUT_BYTES = 1L << 30;
  private static final String TOKENIZER = "tokenizer.json";

  private final String name;
  private final Samples samples;
  private final List<int[]> batches;
  private final int threads;
  private boolean closed;

  private Dataset(String name, Samples samples, List<int[]> batches, int threads) {
    this.name = name;
    this.samples = samples;
    this.batches = batches;
    this.threads = threads;
  }

  /**
   * Opens data for the inputs of a model.
   *
   * @param data a file or folder; for texts {@code FILE@TOKENIZER} names the tokenizer too
   * @param model the model as the bytes of a file
   * @throws CheckpointFormatException if the data are refused
   * @throws InvalidPlanException if the model takes no such data
   * @throws NoSuchFileException if there is no such file or folder
   */
  public static Dataset open(String data, byte[] model, DataOptions options) throws IOException {
    List<ModelInput> inputs = inputs(model);
    Samples samples = read(data, inputs, options);
    try {
      return new Dataset(data, samples, batches(data, samples, inputs), options.threads());
    } catch (RuntimeException e) {
      samples.close();
      throw e;
    }
  }

  private static List<ModelInput> inputs(byte[] model) throws IOException {
    try (OnnxModel opened = OnnxModel.open(model, 1)) {
      List<ModelInput> inputs = ModelInput.of(opened);
      if (inputs.isEmpty()) {
        throw new InvalidPlanException("the model takes no inputs");
      }
      return inputs;
    } catch (OrtException e) {
      throw new IOException("ONNX Runtime cannot load the model: " + e.getMessage(), e);
    }
  }

  private static Samples read(String data, List<ModelInput> inputs, DataOptions options)
      throws IOException {
    for (int at = data.indexOf('@'); at > 0; at = data.indexOf('@', at + 1)) {
      Path file = Path.of(data.substring(0, at));
      if (Files.isRegularFile(file) && TextFile.isOne(file) && !Files.exists(Path.of(data))) {
        return TextSamples.open(file, existing(Path.of(data.substring(at + 1))), inputs, options);
      }
    }
    Path path = existing(Path.of(data));
    String file = path.getFileName() == null ? "" : path.getFileName().toString();
    String lower = file.toLowerCase(Locale.ROOT);
    if (Files.isDirectory(path) || (!file.isEmpty() && IdxPictures.isOne(path))) {
      return ImageSamples.open(path, inputs, options);
    }
    if (lower.endsWith(".npz")) {
      return ArraySamples.of(NpzArrays.open(path), inputs, options);
    }
    if (lower.endsWith(".safetensors")) {
      return ArraySamples.of(SafetensorsArrays.open(path), inputs, options);
    }
    if (TextFile.isOne(path)) {
      return TextSamples.open(path, existing(path.resolveSibling(TOKENIZER)), inputs, options);
    }
    throw CheckpointFormatException.of(
        Code.UNSUPPORTED,
        path,
        "is no data that is read: .safetensors, .npz, .txt, .csv, .tsv, an IDX file of images, or a"
            + " folder of images");
  }

  private static Path existing(Path path) throws NoSuchFileException {
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString(), null, "there is no such file or folder");
    }
    return path;
  }

  private static List<int[]> batches(String data, Samples samples, List<ModelInput> inputs) {
    long fixed = inputs.stream().mapToLong(ModelInput::batch).max().orElse(-1);
    for (ModelInput input : inputs) {
      if (input.batch() == 0 || (input.batch() > 0 && input.batch() != fixed)) {
        throw input.refused("takes another number of samples than others: " + input.batch());
      }
    }
    if (fixed > samples.size()) {
      throw new InvalidPlanException(
          "%s has %d samples; the model takes %d at once".formatted(data, samples.size(), fixed));
    }
    long bytes = Math.max(1, samples.sampleBytes());
    int size = (int) (fixed > 0 ? fixed : Math.max(1, Math.min(BATCH, BATCH_BYTES / bytes)));
    if (size > MOST_INPUT_BYTES / bytes) {
      throw new InvalidPlanException(
          "%s has samples of %d bytes, too large for a batch of %d".formatted(data, bytes, size));
    }
    int[] order = samples.order();
    List<int[]> batches = new ArrayList<>();
    for (int from = 0; from < order.length; from += size) {
      int to = Math.min(order.length, from + size);
      if (fixed < 0 || to - from == size) {
        batches.add(Arrays.copyOfRange(order, from, to));
      }
    }
    return batches;
  }

  /** Gives how many samples the batches have together. */
  public int samples() {
    return batches.stream().mapToInt(batch -> batch.length).sum();
  }

  @Override
  public int batches() {
    return batches.size();
  }

  /** Gives the samples of a batch, by index. */
  int[] batch(int batch) {
    return batches.get(batch);
  }

  /** Gives what goes into the model for a batch. */
  Map<String, InputValues> inputs(int batch) throws IOException {
    if (closed) {
      throw new IllegalStateException(name + " is closed");
    }
    return samples.read(batches.get(batch));
  }

  Truth truth() {
    return samples.truth();
  }

  int size() {
    return samples.size();
  }

  ModelSession load(byte[] model) throws IOException {
    return ModelSession.open(model, threads);
  }

  @Override
  public Session open(byte[] model) throws IOException {
    ModelSession session = load(model);
    return new Session() {
      @Override
      public Map<String, Activation> run(int batch) throws IOException {
        return session.run(inputs(batch));
      }

      @Override
      public void close() {
        session.close();
      }
    };
  }

  /** Gives the data's name, as it was opened. */
  @Override
  public String toString() {
    return name;
  }

  @Override
  public void close() {
    closed = true;
    samples.close();
  }
}
