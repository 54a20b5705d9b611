package dev.coppice.evaluation.data;

import dev.coppice.InvalidPlanException;
import dev.coppice.graph.Calibration.Activation;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Map;

/** What a model says about the samples of a batch. */
final class Answers {
  private static final String MASK = "attention_mask";

  private final int samples;
  private final Map<String, InputValues> inputs;
  private final Map<String, Activation> outputs;

  Answers(int samples, Map<String, InputValues> inputs, Map<String, Activation> outputs) {
    this.samples = samples;
    this.inputs = inputs;
    this.outputs = outputs;
  }

  /**
   * Gives the class with the highest score, the first of equals, for each sample; -1 where a score
   * is NaN. The scores are the first output of [batch, classes], axes of size 1 behind it allowed.
   *
   * @param highest of the labels; the model must have a class for it
   */
  int[] classes(int highest) {
    Activation scores =
        outputs.values().stream()
            .filter(this::isScores)
            .findFirst()
            .orElseThrow(
                () ->
                    new InvalidPlanException(
                        "accuracy needs an output of the model of [batch, classes]"));
    int count = Math.toIntExact(scores.shape().get(1));
    if (highest >= count) {
      throw new InvalidPlanException(
          "a label is " + highest + ", and the model has " + count + " classes, from 0 on");
    }
    int[] best = new int[samples];
    for (int i = 0; i < samples; i++) {
      best[i] = best(scores.values(), i * count, count);
    }
    return best;
  }

  private boolean isScores(Activation output) {
    List<Long> shape = output.shape();
    return shape.size() >= 2
        && shape.get(0) == samples
        && shape.get(1) > 1
        && shape.stream().skip(2).allMatch(size -> size == 1);
  }

  private static int best(FloatBuffer scores, int from, int count) {
    int best = 0;
    for (int c = 0; c < count; c++) {
      if (Float.isNaN(scores.get(from + c))) {
        return -1;
      }
      if (scores.get(from + c) > scores.get(from + best)) {
        best = c;
      }
    }
    return best;
  }

  /**
   * Gives a vector for each sample, from the model's first output of floats: the mean over the
   * tokens that the attention mask has, if it is [batch, tokens, features]; else all of its
   * numbers.
   */
  float[][] vectors() {
    Activation output =
        outputs.values().stream()
            .findFirst()
            .orElseThrow(() -> new InvalidPlanException("the model has no output of floats"));
    List<Long> shape = output.shape();
    if (shape.isEmpty() || shape.get(0) != samples) {
      throw new InvalidPlanException(
          "the model's first output is " + shape + "; samples must be along its first axis");
    }
    InputValues mask = inputs.get(MASK);
    return shape.size() == 3 && mask != null && mask.shape().equals(shape.subList(0, 2))
        ? means(output, mask)
        : rows(output.values());
  }

  private float[][] rows(FloatBuffer values) {
    int size = values.remaining() / samples;
    float[][] rows = new float[samples][size];
    for (int i = 0; i < samples; i++) {
      values.get(i * size, rows[i]);
    }
    return rows;
  }

  private float[][] means(Activation output, InputValues mask) {
    int tokens = Math.toIntExact(output.shape().get(1));
    int size = Math.toIntExact(output.shape().get(2));
    float[][] means = new float[samples][size];
    for (int i = 0; i < samples; i++) {
      double[] sum = new double[size];
      int count = 0;
      for (int t = i * tokens; t < (i + 1) * tokens; t++) {
        if (isSet(mask, t)) {
          count++;
          for (int j = 0; j < size; j++) {
            sum[j] += output.values().get(t * size + j);
          }
        }
      }
      for (int j = 0; j < size; j++) {
        means[i][j] = (float) (sum[j] / Math.max(1, count));
      }
    }
    return means;
  }

  private static boolean isSet(InputValues mask, int index) {
    ByteBuffer data = mask.data();
    int width = mask.type().bytes();
    for (int i = index * width; i < (index + 1) * width; i++) {
      if (data.get(i) != 0) {
        return true;
      }
    }
    return false;
  }
}
