package dev.coppice.evaluation;

import dev.coppice.graph.Calibration;
import dev.coppice.graph.Shrinkage;
import java.io.IOException;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What came of running a smaller model beside the dense one in which everything that was removed is
 * zero, in ONNX Runtime: on inputs drawn from a fixed seed, and on calibration data where there is
 * some. Compared are names, types and shapes of inputs and outputs, all outputs, and what the last
 * Softmax or Sigmoid before an output sees.
 */
public sealed interface Proof {
  /**
   * The smaller model answers the same.
   *
   * @param runs how many batches both models were run on
   * @param tolerance how far apart numbers may be, relative to the largest of their output
   * @param differences how far apart they are, for each output of floats
   */
  record Held(int runs, double tolerance, Map<String, Double> differences) implements Proof {
    /** Holds what it is given. */
    public Held {
      differences = Collections.unmodifiableSortedMap(new TreeMap<>(differences));
    }

    /** Gives the largest of the differences. */
    public double furthest() {
      return differences.values().stream().mapToDouble(d -> d).max().orElse(0);
    }
  }

  /**
   * The smaller model is wrong.
   *
   * @param what says what differs, and by how much
   */
  record Failed(String what) implements Proof {}

  /**
   * Nothing can be said.
   *
   * @param why says what is in the way
   */
  record NotRun(String why) implements Proof {}

  /**
   * Proves what was removed, before anything is repaired.
   *
   * @param sizes shapes of the graph's inputs; where the first axis is open, a batch of 2 is tried
   * @param calibration data that the models are run on besides
   * @throws IOException if the calibration data cannot be read
   */
  static Proof of(Shrinkage done, Map<String, long[]> sizes, Optional<Calibration> calibration)
      throws IOException {
    Optional<String> missing = OnnxRuntime.missing();
    return missing.isPresent()
        ? new NotRun(missing.get())
        : new Prover(sizes, calibration).prove(done::zeroed, done::model);
  }

  /**
   * Proves that a model whose weights are held compressed answers what it did before.
   *
   * @param sizes shapes of the graph's inputs; where the first axis is open, a batch of 2 is tried
   */
  static Proof of(byte[] dense, byte[] sparse, Map<String, long[]> sizes) throws IOException {
    Optional<String> missing = OnnxRuntime.missing();
    return missing.isPresent()
        ? new NotRun(missing.get())
        : new Prover(sizes, Optional.empty()).prove(() -> dense, () -> sparse);
  }
}
