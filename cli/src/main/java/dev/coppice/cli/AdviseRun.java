package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.Pruner;
import dev.coppice.PruningPlan;
import dev.coppice.PruningReport;
import dev.coppice.Rule;
import dev.coppice.Scope;
import dev.coppice.evaluation.DeflatedSize;
import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.LatencyMeter;
import dev.coppice.graph.Metric;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.ShrinkRequest.Criterion;
import dev.coppice.graph.Shrinkage;
import dev.coppice.graph.Shrinker;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** Makes models that are smaller, or have zeros, and finds out what each would bring. */
final class AdviseRun {
  /** Is told of each model that was timed, when it was. */
  interface Listener {
    void dense(Advice.Dense dense, Latency.Spread time);

    void shrunk(Advice.Shrunk model);

    /** Is told of a smaller model that was timed better than before. */
    void again(Advice.Shrunk model);

    void zeros(Advice.Zeros model);
  }

  private static final List<Double> TARGETS = List.of(0.75, 0.5, 0.35);

  /** A model that is faster than that is timed well at once: it takes a second at most. */
  private static final double BRIEF_SECONDS = 0.01;

  /** Zeros are expected to change nothing; what is further from that deserves a second look. */
  private static final double NEAR = 0.03;

  private static final List<Scope> SCOPES = List.of(Scope.GLOBAL, Scope.TENSOR);

  private final Path dense;
  private final Shrinker shrinker;
  private final ChosenData data;
  private final LatencyMeter meter;
  private final TemporaryFolder folder;
  private final Pruner pruner;
  private final Listener listener;
  private boolean begun;

  /**
   * Holds what it is given, and closes none of it.
   *
   * @param dense the model in one file
   * @param folder where models are put meanwhile
   */
  AdviseRun(
      Path dense,
      Shrinker shrinker,
      ChosenData data,
      LatencyMeter meter,
      TemporaryFolder folder,
      Pruner pruner,
      Listener listener) {
    this.dense = dense;
    this.shrinker = shrinker;
    this.data = data;
    this.meter = meter;
    this.folder = folder;
    this.pruner = pruner;
    this.listener = listener;
  }

  /** Times all models at a glance, and those well that the verdict rests on. */
  Advice advise() throws IOException {
    Advice.Dense whole = dense();
    Advice.Room room = ShrinkRoom.of(shrinker);
    List<Advice.Shrunk> shrunk = new ArrayList<>();
    for (double target : TARGETS) {
      for (Scope scope : SCOPES) {
        shrunk(whole, target, scope).ifPresent(shrunk::add);
      }
    }
    List<Advice.Zeros> zeros = new ArrayList<>();
    zeros(whole, "50 %", Rule.unstructured(0.5)).ifPresent(zeros::add);
    zeros(whole, "2:4", Rule.nOfM(2, 4)).ifPresent(zeros::add);
    boolean repaired = data.calibration().isPresent();
    while (true) {
      Advice advice = new Advice(whole, room, shrunk, zeros, repaired);
      Optional<Advice.Shrunk> subject = Verdict.of(advice).subject();
      if (subject.isEmpty() || subject.get().measured()) {
        return advice;
      }
      Advice.Shrunk glanced = subject.get();
      Advice.Shrunk better =
          glanced.with(meter.measure(Files.readAllBytes(file(glanced.target(), glanced.scope()))));
      listener.again(better);
      shrunk.set(shrunk.indexOf(glanced), better);
    }
  }

  private Advice.Dense dense() throws IOException {
    Shrinkage untouched = shrinker.shrink(ShrinkRequest.of(Metric.MACS, 1));
    return new Advice.Dense(
        untouched.before(Metric.MACS), Files.size(dense), DeflatedSize.of(dense), quality(dense));
  }

  /** Makes a smaller model; nothing if it cannot be made so small. */
  private Optional<Advice.Shrunk> shrunk(Advice.Dense whole, double target, Scope scope)
      throws IOException {
    if (whole.macs() == 0) {
      return Optional.empty();
    }
    Shrinkage done;
    try {
      done =
          data.calibration().isEmpty()
              ? shrinker.shrink(request(target, scope, Criterion.L2))
              : shrinker.shrink(
                  request(target, scope, Criterion.ACTIVATION), data.calibration().get());
    } catch (InvalidPlanException e) {
      return Optional.empty();
    }
    byte[] model =
        data.calibration().isEmpty() ? done.model() : done.repair(data.calibration().get()).model();
    Path file = Files.write(file(target, scope), model);
    Timed timed = time(whole, model);
    Advice.Shrunk made =
        new Advice.Shrunk(
            target,
            scope,
            done.after(Metric.MACS) / done.before(Metric.MACS),
            model.length,
            timed.latency(),
            timed.well(),
            quality(file));
    listener.shrunk(made);
    return Optional.of(made);
  }

  private static ShrinkRequest request(double target, Scope scope, Criterion criterion) {
    return new ShrinkRequest(
        Metric.MACS,
        target,
        criterion,
        scope,
        ShrinkRequest.ROUND_TO,
        ShrinkRequest.FLOOR,
        ShrinkRequest.KINDS,
        List.of(),
        0);
  }

  private Path file(double target, Scope scope) {
    return folder.file("macs-" + target + "-" + scope + ".onnx");
  }

  /** Makes a model with zeros; nothing if it has no weights that are pruned. */
  private Optional<Advice.Zeros> zeros(Advice.Dense whole, String pattern, Rule rule)
      throws IOException {
    Path file = folder.file("zeros.onnx");
    PruningReport report;
    try (Checkpoint checkpoint = Models.open(dense)) {
      report = pruner.prune(checkpoint, PruningPlan.of(rule), file, true);
    } catch (InvalidPlanException e) {
      return Optional.empty();
    }
    byte[] model = Files.readAllBytes(file);
    Timed timed = time(whole, model);
    boolean plain = timed.well() || Math.abs(1 - timed.latency().ratio()) < NEAR;
    Advice.Zeros made =
        new Advice.Zeros(
            pattern,
            report.sparsity(),
            model.length,
            DeflatedSize.of(file),
            plain ? timed.latency() : meter.measure(model),
            quality(file),
            SparsifyTrial.of(file, shrinker.sizes(), meter));
    listener.zeros(made);
    return Optional.of(made);
  }

  /** A latency, and whether it is of many runs. */
  private record Timed(Latency latency, boolean well) {}

  /** Times a model at a glance; well where that takes no time worth mentioning. */
  private Timed time(Advice.Dense whole, byte[] model) {
    Latency latency = meter.glance(model);
    if (!begun) {
      listener.dense(whole, latency.dense());
      begun = true;
    }
    boolean brief = latency.dense().median() < BRIEF_SECONDS;
    return new Timed(brief ? meter.measure(model) : latency, brief);
  }

  private OptionalDouble quality(Path model) throws IOException {
    return data.evaluation().isEmpty()
        ? OptionalDouble.empty()
        : OptionalDouble.of(data.evaluation().get().score(Files.readAllBytes(model)));
  }
}
