package dev.coppice.cli;

import dev.coppice.Scope;
import dev.coppice.evaluation.Latency;
import java.util.List;
import java.util.OptionalDouble;

/**
 * What was measured of a model, to tell what would pay.
 *
 * @param dense the model as it is
 * @param room how much of it could be removed
 * @param shrunk the smaller models that were made, in the order of their targets
 * @param zeros the model with zeros in it
 * @param repaired whether data chose what went, and the smaller models were repaired
 */
record Advice(Dense dense, Room room, List<Shrunk> shrunk, List<Zeros> zeros, boolean repaired) {
  /** Holds what it is given. */
  Advice {
    shrunk = List.copyOf(shrunk);
    zeros = List.copyOf(zeros);
  }

  /**
   * The model as it is.
   *
   * @param macs multiplications in one run
   * @param bytes the size of its file
   * @param deflated the same when compressed
   * @param quality how good it is, if there is data to say it
   */
  record Dense(double macs, long bytes, long deflated, OptionalDouble quality) {}

  /**
   * How much can be removed.
   *
   * @param least the share of the multiplications that stays when all goes that can
   * @param frozen the share that is in layers of which nothing can go
   * @param reason what prevents that for most of them; may be empty
   */
  record Room(double least, double frozen, String reason) {}

  /**
   * A smaller model.
   *
   * @param target the share of the multiplications that was asked for
   * @param macs the share that is left
   * @param bytes the size of its file
   * @param latency how long it takes beside the dense model
   * @param measured whether that was timed well, or at a glance
   * @param quality how good it is, if there is data to say it
   */
  record Shrunk(
      double target,
      Scope scope,
      double macs,
      long bytes,
      Latency latency,
      boolean measured,
      OptionalDouble quality) {
    Shrunk with(Latency better) {
      return new Shrunk(target, scope, macs, bytes, better, true, quality);
    }
  }

  /**
   * The model with weights that are zero, which a dense runtime multiplies all the same.
   *
   * @param pattern {@code 50 %} or {@code 2:4}
   * @param share the share of zeros among the weights that may be pruned
   * @param bytes the size of its file
   * @param deflated the same when compressed
   * @param latency how long it takes beside the dense model
   * @param sparsified the same with its linear layers compressed
   */
  record Zeros(
      String pattern,
      double share,
      long bytes,
      long deflated,
      Latency latency,
      OptionalDouble quality,
      SparsifyTrial sparsified) {}
}
