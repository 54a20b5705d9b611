package dev.coppice.evaluation;

import ai.onnxruntime.OrtException;
import dev.coppice.evaluation.ShrinkTrial.Found;
import dev.coppice.evaluation.data.DataOptions;
import dev.coppice.evaluation.data.Dataset;
import dev.coppice.graph.Metric;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.ShrinkRequest.Criterion;
import dev.coppice.graph.Shrinkage;
import dev.coppice.graph.Shrinker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;

/**
 * A model that is to shrink.
 *
 * @param file the dense model; smaller ones are written beside it
 * @param sizes the shapes of its inputs that it is timed with
 * @param calibration the file of data to choose and to repair by
 * @param exam what it is measured by, on other data
 * @param score the one number of that which is compared
 */
record ShrinkSubject<Q>(
    Path file,
    Map<String, long[]> sizes,
    Path calibration,
    Exam<Q> exam,
    ToDoubleFunction<Q> score) {
  String name() {
    return file.getFileName().toString().replace(".onnx", "");
  }

  /** Gives the file of the repaired model with a share of the multiplications. */
  Path small(double share) {
    return file.resolveSibling("%s-macs-%.0f.onnx".formatted(name(), 100 * share));
  }

  /**
   * Makes a model for each share of the multiplications, which stay as files, and a control that
   * does not.
   *
   * @param quick whether they are timed roughly
   * @param seen is given each as it is known
   * @throws IllegalStateException if a model does not pass its proof; then it is not written
   */
  List<ShrinkTrial<Q>> shrink(
      Steps steps, List<Double> shares, int threads, boolean quick, Consumer<ShrinkTrial<Q>> seen)
      throws IOException, OrtException {
    Shrinker shrinker = steps.run("reading " + name(), () -> Shrinker.open(file, sizes));
    DataOptions all = DataOptions.withThreads(threads);
    List<ShrinkTrial<Q>> trials = new ArrayList<>();
    try (Dataset data = Dataset.open(calibration.toString(), Files.readAllBytes(file), all);
        LatencyMeter meter = LatencyMeter.open(Files.readAllBytes(file), sizes, threads)) {
      Q dense = steps.run("running " + name(), () -> exam.examine(file));
      Function<byte[], Latency> timer = quick ? meter::glance : meter::measure;
      for (double share : shares) {
        ShrinkTrial<Q> trial = new Making(steps, shrinker, data, timer, share).run(dense);
        seen.accept(trial);
        trials.add(trial);
      }
    }
    return trials;
  }

  /** The making of one model and of its control. */
  private final class Making {
    private final Steps steps;
    private final Shrinker shrinker;
    private final Dataset data;
    private final Function<byte[], Latency> timer;
    private final ShrinkRequest request;
    private final String what;
    private final Path target;

    Making(
        Steps steps,
        Shrinker shrinker,
        Dataset data,
        Function<byte[], Latency> timer,
        double share) {
      this.steps = steps;
      this.shrinker = shrinker;
      this.data = data;
      this.timer = timer;
      this.request = ShrinkRequest.of(Metric.MACS, share).by(Criterion.ACTIVATION);
      this.what = "%s to %.0f %%".formatted(name(), 100 * share);
      this.target = small(share);
    }

    ShrinkTrial<Q> run(Q dense) throws IOException, OrtException {
      long begin = System.nanoTime();
      Shrinkage done = steps.run("shrinking " + what, () -> shrinker.shrink(request, data));
      double shrinking = (System.nanoTime() - begin) * 1e-9;
      Proof.Held proof = steps.run("proving " + what, () -> proven(done));
      done.write(target, true);
      Q cut = examined(what, target);
      begin = System.nanoTime();
      steps.run("repairing " + what, () -> done.repair(data)).write(target, true);
      double repairing = (System.nanoTime() - begin) * 1e-9;
      Q repaired = examined(what, target);
      Latency latency = steps.run("timing " + what, () -> timer.apply(Files.readAllBytes(target)));
      return new ShrinkTrial<>(
          ShrinkSubject.this,
          target,
          new ShrinkTrial.Sizes(
              done.after(Metric.MACS) / done.before(Metric.MACS),
              Files.size(file),
              Files.size(target)),
          proof,
          latency,
          new Found<>(dense, cut, repaired, control()),
          shrinking,
          repairing);
    }

    private Proof.Held proven(Shrinkage done) throws IOException {
      Proof proof = Proof.of(done, shrinker.sizes(), Optional.of(data));
      if (proof instanceof Proof.Held held) {
        return held;
      }
      throw new IllegalStateException("the smaller " + what + " is not proven: " + proof);
    }

    private Q control() throws IOException, OrtException {
      Path file = Files.createTempFile(target.toAbsolutePath().getParent(), ".coppice-", ".onnx");
      try {
        Shrinkage random = shrinker.shrink(request.by(Criterion.RANDOM));
        steps.run("repairing the control: " + what, () -> random.repair(data)).write(file, true);
        return examined("the control: " + what, file);
      } finally {
        Files.deleteIfExists(file);
      }
    }

    private Q examined(String which, Path model) throws IOException, OrtException {
      return steps.run("running " + which, () -> exam.examine(model));
    }
  }
}
