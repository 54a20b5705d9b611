package dev.coppice.spi;

import java.util.Arrays;

/**
 * The sum of one slice, term by term, in the order that SPEC.md fixes ("Reductions"); for one
 * thread.
 */
public final class ChunkedSum {
  /** The elements that are added up by themselves. */
  public static final int CHUNK = 8192;

  private static final int PARTIALS = 32;

  private final double[] partials = new double[PARTIALS];
  private double sum;
  private int added;

  /** Adds the next term. */
  public void add(double term) {
    if (added == CHUNK) {
      close();
    }
    partials[added++ % PARTIALS] += term;
  }

  /** Gives the sum of all terms, 0 of none, and begins anew. */
  public double take() {
    close();
    double taken = sum;
    sum = 0;
    return taken;
  }

  private void close() {
    for (int distance = PARTIALS / 2; distance > 0; distance /= 2) {
      for (int j = 0; j < distance; j++) {
        partials[j] += partials[j + distance];
      }
    }
    sum += partials[0];
    Arrays.fill(partials, 0);
    added = 0;
  }
}
