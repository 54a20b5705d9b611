package dev.coppice.evaluation;

import java.nio.file.Path;
import java.util.Locale;

/**
 * A smaller model that is proven and repaired, and what was gained and lost.
 *
 * @param file the repaired model
 * @param shrinking the seconds that choosing and cutting took
 * @param repairing the seconds that its repair took
 */
record ShrinkTrial<Q>(
    ShrinkSubject<Q> subject,
    Path file,
    Sizes sizes,
    Proof.Held proof,
    Latency latency,
    Found<Q> found,
    double shrinking,
    double repairing) {
  /**
   * How much smaller it is.
   *
   * @param macs the share of the multiplications that is left
   */
  record Sizes(double macs, long dense, long small) {}

  /**
   * What was measured.
   *
   * @param cut before the repair
   * @param control of a model that is as small, cut at random and repaired alike
   */
  record Found<Q>(Q dense, Q cut, Q repaired, Q control) {}

  /** Gives the share of what the cut lost that the repair brought back. */
  double recovered() {
    double cut = score(found.cut());
    return (score(found.repaired()) - cut) / (score(found.dense()) - cut);
  }

  /** Gives the cells of a table's row. */
  String[] cells() {
    return new String[] {
      subject.name(),
      format("%.2f", sizes.macs()),
      Comparison.megabytes(sizes.dense()),
      Comparison.megabytes(sizes.small()),
      format("%.2f", latency.ratio()),
      format("%.3f", score(found.dense())),
      format("%.3f", score(found.cut())),
      format("%.3f", score(found.repaired())),
      format("%.3f", score(found.control()))
    };
  }

  private double score(Q quality) {
    return subject.score().applyAsDouble(quality);
  }

  private static String format(String form, double value) {
    return String.format(Locale.ROOT, form, value);
  }
}
