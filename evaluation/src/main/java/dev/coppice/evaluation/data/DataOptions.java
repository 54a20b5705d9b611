package dev.coppice.evaluation.data;

import dev.coppice.InvalidPlanException;

/**
 * How much of the data is used, and how models are run on it.
 *
 * @param samples how many samples at most, taken at equal distances from all; pairs for a file of
 *     pairs
 * @param tokens after how many tokens a text is cut, the two markers included
 * @param threads how many threads ONNX Runtime uses
 */
public record DataOptions(int samples, int tokens, int threads) {
  /** What all-MiniLM-L6-v2 was trained with. */
  private static final int TOKENS = 128;

  /** Checks the numbers. */
  public DataOptions {
    atLeast(1, samples, "the number of samples");
    atLeast(2, tokens, "the number of tokens");
    atLeast(1, threads, "the number of threads");
  }

  /** Makes options for all samples, and texts of 128 tokens. */
  public static DataOptions withThreads(int threads) {
    return new DataOptions(Integer.MAX_VALUE, TOKENS, threads);
  }

  /** Gives these options with another number of samples. */
  public DataOptions withSamples(int most) {
    return new DataOptions(most, tokens, threads);
  }

  /** Gives these options with another number of tokens. */
  public DataOptions withTokens(int most) {
    return new DataOptions(samples, most, threads);
  }

  /** Gives the indices of those of {@code count} samples that are used, ascending. */
  int[] pick(int count) {
    int used = Math.min(count, samples);
    int[] picks = new int[used];
    for (int i = 0; i < used; i++) {
      picks[i] = (int) ((long) i * count / used);
    }
    return picks;
  }

  private static void atLeast(int least, int actual, String what) {
    if (actual < least) {
      throw new InvalidPlanException(what + " must be " + least + " or more, not " + actual);
    }
  }
}
