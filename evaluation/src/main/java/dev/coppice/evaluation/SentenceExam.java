package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/** Embeds the project's sentences and compares the vectors with those of the first model. */
final class SentenceExam implements Exam<SentenceExam.Quality> {
  /**
   * How near a model's vectors are to the first model's.
   *
   * @param order the rank correlation of all pairwise cosines with the first model's
   * @param cosine the mean cosine to the first model's vectors
   * @param topics the share of sentences whose nearest other one is of their topic
   */
  record Quality(double order, double cosine, double topics) {}

  private final WordPiece tokenizer;
  private final int threads;
  private final List<String> texts;
  private final List<String> topics;
  private float[][] first = {};

  SentenceExam(WordPiece tokenizer, List<TopicSentence> sentences, int threads) {
    this.tokenizer = tokenizer;
    this.threads = threads;
    this.texts = sentences.stream().map(TopicSentence::text).toList();
    this.topics = sentences.stream().map(TopicSentence::topic).toList();
  }

  int sentences() {
    return texts.size();
  }

  @Override
  public List<String> headings() {
    return List.of("order", "cosine", "topics");
  }

  @Override
  public Quality examine(Path model) throws IOException, OrtException {
    try (SentenceEncoder encoder = SentenceEncoder.open(model, tokenizer, threads)) {
      float[][] vectors = encoder.encode(texts);
      if (first.length == 0) {
        first = vectors;
      }
      return new Quality(
          Metrics.spearman(Metrics.pairwiseCosines(first), Metrics.pairwiseCosines(vectors)),
          Metrics.meanCosine(first, vectors),
          Metrics.nearestNeighbourAccuracy(vectors, topics));
    }
  }

  @Override
  public List<String> cells(Quality quality) {
    return List.of(
        String.format(Locale.ROOT, "%.3f", quality.order()),
        String.format(Locale.ROOT, "%.3f", quality.cosine()),
        String.format(Locale.ROOT, "%.3f", quality.topics()));
  }
}
