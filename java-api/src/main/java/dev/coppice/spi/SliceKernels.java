package dev.coppice.spi;

import dev.coppice.Amount;
import dev.coppice.NanPolicy;

/**
 * The five operations on a slice that make up pruning on a CPU. The slicing, the threads and the
 * choice of thresholds are {@link SlicedBackend}'s; an implementation differs from {@code
 * reference} in speed alone.
 *
 * <p>Every operation may run on several threads at once, on different slices. Pruned weights become
 * +0.0; all others keep their bits. A NaN is never pruned. Which element is NaN is decided by the
 * weight, also where the ranking is random.
 */
public interface SliceKernels {
  /**
   * Adds the slice's keys to {@code histogram}, within {@code window}; NaN weights are counted in
   * {@link Histogram#nans} and nowhere else. The slice is only read.
   *
   * @return the position in the slice of its first NaN, or -1
   */
  long histogram(Slice slice, Window window, Histogram histogram);

  /**
   * Prunes the weights whose key is below {@code threshold}, and of those whose key equals it all
   * but the first {@code ties}.
   *
   * @param threshold an unsigned 32-bit number; with random ranking it may be 2^32, above every key
   * @param ties 0 or more; may exceed the weights whose key equals the threshold
   * @param tally is overwritten, its NaN fields too
   */
  void apply(Slice slice, long threshold, long ties, Tally tally);

  /**
   * Prunes every group down to the {@code n} weights that stand last in SPEC.md's order. The slice
   * is a row-major array [elements / (m * inner), m, inner]; a group is the m elements along the
   * middle axis.
   *
   * @param nan with {@code REFUSE} a group that holds a NaN is left as it was; with {@code KEEP}
   *     NaN is kept and is one of the n
   * @param tally is overwritten; its NaN fields are set under both policies
   */
  void selectNofM(Slice slice, int n, int m, int inner, NanPolicy nan, Tally tally);

  /**
   * Prunes {@code amount} of every row. The slice is a row-major array [outer, rows, inner]; a row
   * is the elements that share the middle index, in ascending order of (outer, inner).
   *
   * @param nan with {@code REFUSE} a row that holds a NaN is left as it was; with {@code KEEP} its
   *     NaN weights stay and do not count
   * @param tally is overwritten; its NaN fields are set under both policies
   * @throws IllegalArgumentException if a count exceeds the weights of a row that count; rows
   *     before it may have been pruned
   */
  void selectRows(
      Slice slice, int outer, int rows, int inner, Amount amount, NanPolicy nan, Tally tally);

  /**
   * Adds up the chunks of every row (SPEC.md, "Reductions"). The slice is a row-major array [outer,
   * rows, inner]; a row is the elements that share the middle index, in ascending order of (outer,
   * inner). Those from {@code from} to before {@code to} are cut into chunks of {@link
   * ChunkedSum#CHUNK}. The slice is only read.
   *
   * @param sums receives the sums, row by row, as many of each as it has chunks; that of a chunk
   *     with a NaN is NaN
   */
  void sliceSums(
      Slice slice,
      int outer,
      int rows,
      int inner,
      int from,
      int to,
      Summand summand,
      double[] sums);
}
