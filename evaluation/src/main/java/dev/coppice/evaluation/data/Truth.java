package dev.coppice.evaluation.data;

import java.util.List;

/** What is known of the right answers. */
sealed interface Truth {
  /** Nothing. */
  record None() implements Truth {}

  /** The class of each sample. */
  record Labels(List<Integer> classes) implements Truth {}

  /** How alike samples 2i and 2i + 1 are, for each i. */
  record Scores(List<Double> alike) implements Truth {}
}
