package dev.coppice.evaluation.data;

import dev.coppice.InvalidPlanException;
import java.util.Arrays;
import java.util.stream.Collectors;

/** What a model is measured by; more is better, and 1 is the most. */
public enum EvaluationMetric {
  /** The share of samples whose class with the highest score is their label. */
  ACCURACY("accuracy", "labels"),
  /** The rank correlation of the cosines of pairs of texts with their scores. */
  SPEARMAN("spearman", "pairs of texts with scores"),
  /** The mean cosine between a sample's output and that of the dense model. */
  COSINE_TO_DENSE("cosine-to-dense", "nothing");

  private final String word;
  private final String needs;

  EvaluationMetric(String word, String needs) {
    this.word = word;
    this.needs = needs;
  }

  static EvaluationMetric of(String word) {
    return Arrays.stream(values())
        .filter(metric -> metric.word.equals(word))
        .findAny()
        .orElseThrow(
            () ->
                new InvalidPlanException(
                    "the metric must be one of %s, not \"%s\"; write DATA:METRIC"
                        .formatted(
                            Arrays.stream(values())
                                .map(metric -> metric.word)
                                .collect(Collectors.joining(", ")),
                            word)));
  }

  /** Checks that the data know what the metric needs. */
  void check(Dataset data) {
    boolean known =
        switch (this) {
          case ACCURACY -> data.truth() instanceof Truth.Labels;
          case SPEARMAN -> data.truth() instanceof Truth.Scores scores && scores.alike().size() > 1;
          case COSINE_TO_DENSE -> true;
        };
    if (!known) {
      throw new InvalidPlanException(word + " needs " + needs + ", which " + data + " has not");
    }
  }

  /** Gives the metric's name on the command line. */
  @Override
  public String toString() {
    return word;
  }
}
