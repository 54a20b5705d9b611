package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.evaluation.LatencyMeter;
import dev.coppice.evaluation.Proof;
import dev.coppice.evaluation.data.Dataset;
import dev.coppice.evaluation.data.Evaluation;
import dev.coppice.evaluation.search.DropSearch;
import dev.coppice.evaluation.search.RankedSubject;
import dev.coppice.evaluation.search.ScoreLog;
import dev.coppice.evaluation.search.Trial;
import dev.coppice.graph.Calibration;
import dev.coppice.graph.Ranked;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.Shrinkage;
import dev.coppice.graph.Shrinker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Consumer;

/** Makes a smaller model as the options say, and finds out what they ask about it. */
final class ShrinkRun implements AutoCloseable {
  private final Path model;
  private final Path start;
  private final Shrinker shrinker;
  private final ShrinkOptions options;
  private final ShrinkDataOptions data;
  private final Consumer<String> told;
  private final ChosenData chosen;

  /**
   * Opens the data.
   *
   * @param model the dense model, which is what is measured against
   * @param start that model, or a copy of it that was pruned
   * @param shrinker of {@code start}
   * @param told is told of each step of what takes long
   */
  ShrinkRun(
      Path model,
      Path start,
      Shrinker shrinker,
      ShrinkOptions options,
      ShrinkDataOptions data,
      Consumer<String> told)
      throws IOException {
    this.model = model;
    this.start = start;
    this.shrinker = shrinker;
    this.options = options;
    this.data = data;
    this.told = told;
    this.chosen = ChosenData.open(data, data.isNeeded() ? Shrinker.bytes(model) : new byte[0]);
  }

  /**
   * Makes the model.
   *
   * @param timed whether both models are timed
   * @param proven whether the smaller one is proven
   */
  ShrinkResult make(boolean timed, int threads, boolean proven) throws IOException {
    ShrinkResult made = made(threads);
    if (proven) {
      Proof proof = Proof.of(made.done(), shrinker.sizes(), calibrated());
      made = made.with(proof);
      if (proof instanceof Proof.Failed) {
        return made;
      }
    }
    if (data.repair) {
      told.accept("repairing on " + samples() + " samples");
      made = made.with(made.done().repair(calibrated().orElseThrow()));
    }
    if (timed && made.latency().isEmpty()) {
      try (LatencyMeter meter =
          LatencyMeter.open(Shrinker.bytes(model), shrinker.sizes(), threads)) {
        made = made.with(meter.measure(made.model()));
      }
    }
    return chosen.evaluation().isEmpty()
        ? made
        : made.with(quality(chosen.evaluation().get(), made));
  }

  private ShrinkResult made(int threads) throws IOException {
    ShrinkRequest request = options.request();
    OptionalDouble latency = options.latency();
    if (data.drop().isPresent()) {
      return smallest(request, data.drop().get());
    }
    if (options.target.isEmpty()) {
      return ShrinkResult.of(shrinker.rank(request, calibrated()).withoutEmpty(), request);
    }
    if (latency.isEmpty()) {
      return shrunk(request);
    }
    try (LatencyMeter meter = LatencyMeter.open(Shrinker.bytes(model), shrinker.sizes(), threads)) {
      return new LatencyTrial(this::shrunk, options, meter, told).reach(latency.getAsDouble());
    }
  }

  private ShrinkResult shrunk(ShrinkRequest request) {
    try {
      Shrinkage done =
          chosen.calibration().isEmpty()
              ? shrinker.shrink(request)
              : shrinker.shrink(request, chosen.calibration().get());
      return ShrinkResult.of(done, request);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Looks for the smallest model whose metric falls by no more than that. */
  private ShrinkResult smallest(ShrinkRequest request, double drop) throws IOException {
    Evaluation measure = chosen.evaluation().orElseThrow();
    Ranked ranked = shrinker.rank(request, calibrated());
    if (ranked.groups().isEmpty()) {
      throw new InvalidPlanException("the model has nothing that could be removed");
    }
    RankedSubject subject =
        new RankedSubject(ranked, measure, data.repair ? calibrated() : Optional.empty());
    ScoreLog log =
        ScoreFiles.of(List.of(model, start), request, data, shrinker.repairsOn())
            .map(ShrinkRun::log)
            .orElseGet(ScoreLog::inMemory);
    DropSearch.Outcome found = DropSearch.run(subject, drop, log, this::measured);
    return ShrinkResult.of(ranked.keep(found.best().kept()), request).with(found);
  }

  private static ScoreLog log(Path file) {
    try {
      return ScoreLog.open(file);
    } catch (IOException e) {
      return ScoreLog.inMemory(); // Then a search that is broken off begins anew.
    }
  }

  private void measured(String what, Trial trial, int done, int expected) {
    told.accept(
        String.format(
            Locale.ROOT,
            "%3d of %d  %s: %.4f with %.2f%% of the multiplications",
            done,
            expected,
            Figures.printable(what),
            trial.score(),
            100 * trial.left()));
  }

  private ShrinkResult.Quality quality(Evaluation measure, ShrinkResult made) throws IOException {
    told.accept("measuring " + measure.metric());
    return new ShrinkResult.Quality(
        measure.metric().toString(),
        measure.data().toString(),
        measure.score(Shrinker.bytes(model)),
        made.repair().isPresent()
            ? OptionalDouble.of(measure.score(made.done().model()))
            : OptionalDouble.empty(),
        measure.score(made.model()));
  }

  private Optional<Calibration> calibrated() {
    return chosen.calibration().map(Calibration.class::cast);
  }

  private int samples() {
    return chosen.calibration().map(Dataset::samples).orElse(0);
  }

  @Override
  public void close() {
    chosen.close();
  }
}
