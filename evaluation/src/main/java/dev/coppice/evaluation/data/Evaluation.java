package dev.coppice.evaluation.data;

import dev.coppice.InvalidPlanException;
import dev.coppice.evaluation.Metrics;
import java.io.IOException;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Measures models that take what a dense one takes, by one metric on the same data; the same model
 * always gets the same score on the same machine with as many threads. For one thread at a time;
 * the one who opens it closes it.
 */
public final class Evaluation implements AutoCloseable {
  private static final long MOST_NUMBERS = 32L << 20;

  private final Dataset data;
  private final EvaluationMetric metric;
  private final float @Nullable [][] dense;

  private Evaluation(Dataset data, EvaluationMetric metric, float @Nullable [][] dense) {
    this.data = data;
    this.metric = metric;
    this.dense = dense;
  }

  /**
   * Opens the data for the inputs of a model.
   *
   * @param dataAndMetric {@code DATA:METRIC}, as in {@code dev.csv:spearman}: what follows the last
   *     colon is the metric
   * @param dense the dense model as the bytes of a file; it is run for cosine-to-dense alone
   * @throws InvalidPlanException if there is no such metric, it needs what the data have not, or
   *     the model takes no such data
   * @throws dev.coppice.CheckpointFormatException if the data are refused
   * @throws java.nio.file.NoSuchFileException if there is no such file or folder
   * @throws IOException if the model cannot be run
   */
  public static Evaluation of(String dataAndMetric, byte[] dense, DataOptions options)
      throws IOException {
    int colon = dataAndMetric.lastIndexOf(':');
    EvaluationMetric metric = EvaluationMetric.of(dataAndMetric.substring(colon + 1));
    if (colon < 1) {
      throw new InvalidPlanException("no data are named before " + metric + "; write DATA:METRIC");
    }
    Dataset data = Dataset.open(dataAndMetric.substring(0, colon), dense, options);
    try {
      metric.check(data);
      boolean compares = metric == EvaluationMetric.COSINE_TO_DENSE;
      return new Evaluation(data, metric, compares ? vectors(data, dense) : null);
    } catch (IOException | RuntimeException e) {
      data.close();
      throw e;
    }
  }

  /** Gives what is measured. */
  public EvaluationMetric metric() {
    return metric;
  }

  /** Gives the data. */
  public Dataset data() {
    return data;
  }

  /**
   * Measures a model.
   *
   * @param model the model as the bytes of a file
   * @return the metric, never NaN: an answer that is NaN is wrong, a cosine with a vector that is
   *     NaN or zero is 0, and so is a correlation where all are equal
   * @throws IOException if the model cannot be run
   */
  public double score(byte[] model) throws IOException {
    return switch (metric) {
      case ACCURACY -> accuracy(model);
      case SPEARMAN -> spearman(vectors(data, model));
      case COSINE_TO_DENSE -> cosine(vectors(data, model));
    };
  }

  private double accuracy(byte[] model) throws IOException {
    List<Integer> labels = ((Truth.Labels) data.truth()).classes();
    int highest = Collections.max(labels);
    long right = 0;
    try (ModelSession session = data.load(model)) {
      for (int b = 0; b < data.batches(); b++) {
        int[] samples = data.batch(b);
        int[] answers = answers(data, session, b).classes(highest);
        for (int i = 0; i < samples.length; i++) {
          right += answers[i] == labels.get(samples[i]) ? 1 : 0;
        }
      }
    }
    return (double) right / data.samples();
  }

  private static Answers answers(Dataset data, ModelSession session, int batch) throws IOException {
    Map<String, InputValues> inputs = data.inputs(batch);
    return new Answers(data.batch(batch).length, inputs, session.run(inputs));
  }

  /** Gives a vector for each sample, an empty one for those that no batch has. */
  private static float[][] vectors(Dataset data, byte[] model) throws IOException {
    float[][] vectors = new float[data.size()][0];
    long numbers = 0;
    try (ModelSession session = data.load(model)) {
      for (int b = 0; b < data.batches(); b++) {
        int[] samples = data.batch(b);
        float[][] found = answers(data, session, b).vectors();
        numbers += (long) found.length * found[0].length;
        if (numbers > MOST_NUMBERS) {
          throw new InvalidPlanException(
              "the model's answers to all samples of %s are too many to keep; use fewer than %d"
                  .formatted(data, data.samples()));
        }
        for (int i = 0; i < samples.length; i++) {
          vectors[samples[i]] = found[i];
        }
      }
    }
    return vectors;
  }

  private double spearman(float[][] vectors) {
    List<Double> scores = ((Truth.Scores) data.truth()).alike();
    int[] pairs =
        IntStream.range(0, scores.size())
            .filter(i -> vectors[2 * i].length > 0 && vectors[2 * i + 1].length > 0)
            .toArray();
    double correlation =
        Metrics.spearman(
            Arrays.stream(pairs)
                .mapToDouble(i -> cosine(vectors[2 * i], vectors[2 * i + 1]))
                .toArray(),
            Arrays.stream(pairs).mapToDouble(scores::get).toArray());
    return Double.isNaN(correlation) ? 0 : correlation;
  }

  private double cosine(float[][] vectors) {
    float[][] first = Objects.requireNonNull(dense);
    double sum = 0;
    for (int i = 0; i < vectors.length; i++) {
      sum += vectors[i].length > 0 ? cosine(first[i], vectors[i]) : 0;
    }
    return sum / data.samples();
  }

  private static double cosine(float[] a, float[] b) {
    if (a.length != b.length) {
      throw new InvalidPlanException(
          "answers of %d and %d numbers cannot be compared".formatted(a.length, b.length));
    }
    double cosine = Metrics.cosine(a, b);
    return Double.isNaN(cosine) ? 0 : cosine;
  }

  @Override
  public void close() {
    data.close();
  }
}
