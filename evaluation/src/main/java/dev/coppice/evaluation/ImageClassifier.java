package dev.coppice.evaluation;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * Runs an ONNX model that takes grey images [batch, 1, 28, 28] in [0, 1] and gives a score for each
 * class. For one thread at a time; the one who opens it closes it.
 */
final class ImageClassifier implements AutoCloseable {
  private static final int BATCH = 200;

  private final OnnxModel model;
  private final String input;

  private ImageClassifier(OnnxModel model) {
    this.model = model;
    this.input = model.inputs().get(0);
  }

  /** Opens the model at a path, to be run on {@code threads} threads. */
  static ImageClassifier open(Path model, int threads) throws OrtException {
    return new ImageClassifier(OnnxModel.open(model, threads));
  }

  /** Gives the share of images whose class with the highest score is their label. */
  double accuracy(FashionMnist images) throws OrtException {
    return Metrics.accuracy(classify(images), images.labels());
  }

  /** Gives the class with the highest score, the first of equals, for each image. */
  int[] classify(FashionMnist images) throws OrtException {
    int count = images.size();
    int[] answers = new int[count];
    FloatBuffer batch =
        ByteBuffer.allocateDirect(BATCH * FashionMnist.PIXELS * Float.BYTES)
            .order(ByteOrder.nativeOrder())
            .asFloatBuffer();
    for (int from = 0; from < count; from += BATCH) {
      int size = Math.min(BATCH, count - from);
      batch.clear();
      for (int i = 0; i < size * FashionMnist.PIXELS; i++) {
        batch.put((images.pixels()[from * FashionMnist.PIXELS + i] & 0xFF) / 255f);
      }
      classifyBatch(batch.flip(), size, answers, from);
    }
    return answers;
  }

  private void classifyBatch(FloatBuffer batch, int size, int[] answers, int from)
      throws OrtException {
    long[] shape = {size, 1, 28, 28};
    try (OnnxTensor images = OnnxTensor.createTensor(OnnxModel.ENVIRONMENT, batch, shape);
        OrtSession.Result result = model.run(Map.of(input, images))) {
      FloatBuffer scores = ((OnnxTensor) result.get(0)).getFloatBuffer();
      int classes = scores.remaining() / size;
      for (int i = 0; i < size; i++) {
        int best = 0;
        for (int c = 1; c < classes; c++) {
          if (scores.get(i * classes + c) > scores.get(i * classes + best)) {
            best = c;
          }
        }
        answers[from + i] = best;
      }
    }
  }

  @Override
  public void close() throws OrtException {
    model.close();
  }
}
