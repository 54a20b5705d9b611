package dev.coppice.evaluation;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Turns sentences into unit vectors with a BERT-like ONNX model: the mean of the last hidden states
 * over the sentence's pieces, divided by its length, as sentence-transformers does. For one thread
 * at a time; the one who opens it closes it.
 */
final class SentenceEncoder implements AutoCloseable {
  /** The pieces after which a sentence is cut, as the tokenizer of all-MiniLM-L6-v2 says. */
  static final int MOST_PIECES = 128;

  private static final int BATCH = 32;

  private final WordPiece tokenizer;
  private final OnnxModel model;

  private SentenceEncoder(WordPiece tokenizer, OnnxModel model) {
    this.tokenizer = tokenizer;
    this.model = model;
  }

  /** Opens the model at a path, to be run on {@code threads} threads. */
  static SentenceEncoder open(Path model, WordPiece tokenizer, int threads) throws OrtException {
    return new SentenceEncoder(tokenizer, OnnxModel.open(model, threads));
  }

  /** Gives a unit vector for each sentence, in their order. */
  float[][] encode(List<String> sentences) throws OrtException {
    int[][] pieces =
        sentences.stream().map(s -> tokenizer.encode(s, MOST_PIECES)).toArray(int[][]::new);
    // Neighbours in length share a batch, so that little of it is padding.
    int[] order =
        IntStream.range(0, pieces.length)
            .boxed()
            .sorted(Comparator.comparingInt(i -> pieces[i].length))
            .mapToInt(Integer::intValue)
            .toArray();
    float[][] vectors = new float[pieces.length][];
    for (int from = 0; from < order.length; from += BATCH) {
      int to = Math.min(order.length, from + BATCH);
      int[] batch = IntStream.range(from, to).map(i -> order[i]).toArray();
      encodeBatch(pieces, batch, vectors);
    }
    return vectors;
  }

  private void encodeBatch(int[][] pieces, int[] batch, float[][] vectors) throws OrtException {
    int width = pieces[batch[batch.length - 1]].length;
    LongBuffer ids = longs(batch.length * width);
    LongBuffer mask = longs(batch.length * width);
    for (int row = 0; row < batch.length; row++) {
      int[] sentence = pieces[batch[row]];
      for (int i = 0; i < sentence.length; i++) {
        ids.put(row * width + i, sentence[i]);
        mask.put(row * width + i, 1);
      }
    }
    long[] shape = {batch.length, width};
    try (OnnxTensor idTensor = tensor(ids, shape);
        OnnxTensor maskTensor = tensor(mask, shape);
        OnnxTensor typeTensor = tensor(longs(batch.length * width), shape);
        OrtSession.Result result =
            model.run(
                Map.of(
                    "input_ids",
                    idTensor,
                    "attention_mask",
                    maskTensor,
                    "token_type_ids",
                    typeTensor))) {
      OnnxTensor states = (OnnxTensor) result.get(0);
      int size = (int) states.getInfo().getShape()[2];
      FloatBuffer values = states.getFloatBuffer();
      for (int row = 0; row < batch.length; row++) {
        int sentence = batch[row];
        vectors[sentence] = unitMean(values, row * width, pieces[sentence].length, size);
      }
    }
  }

  private static float[] unitMean(FloatBuffer states, int first, int count, int size) {
    double[] sum = new double[size];
    for (int i = first; i < first + count; i++) {
      for (int j = 0; j < size; j++) {
        sum[j] += states.get(i * size + j);
      }
    }
    double squares = 0;
    for (double s : sum) {
      squares += s * s;
    }
    double scale = 1 / Math.max(Math.sqrt(squares), 1e-12);
    float[] unit = new float[size];
    for (int j = 0; j < size; j++) {
      unit[j] = (float) (sum[j] * scale);
    }
    return unit;
  }

  private static LongBuffer longs(int count) {
    return ByteBuffer.allocateDirect(count * Long.BYTES)
        .order(ByteOrder.nativeOrder())
        .asLongBuffer();
  }

  private static OnnxTensor tensor(LongBuffer values, long[] shape) throws OrtException {
    return OnnxTensor.createTensor(OnnxModel.ENVIRONMENT, values, shape);
  }

  @Override
  public void close() throws OrtException {
    model.close();
  }
}
