package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.LatencyMeter;
import dev.coppice.evaluation.LatencySearch;
import dev.coppice.graph.Metric;
import dev.coppice.graph.ShrinkRequest;
import java.util.Locale;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Smaller models, made one after the other and timed, each step told. */
final class LatencyTrial implements LatencySearch.Trial {
  private final Function<ShrinkRequest, ShrinkResult> maker;
  private final ShrinkOptions options;
  private final LatencyMeter meter;
  private final Consumer<String> told;
  private @Nullable ShrinkResult last;

  LatencyTrial(
      Function<ShrinkRequest, ShrinkResult> maker,
      ShrinkOptions options,
      LatencyMeter meter,
      Consumer<String> told) {
    this.maker = maker;
    this.options = options;
    this.meter = meter;
    this.told = told;
  }

  /** Makes a model that takes no more than a share of the dense model's time. */
  ShrinkResult reach(double share) {
    Objects.requireNonNull(maker.apply(options.request(Metric.MACS, 1))); // Refuses bad requests.
    LatencySearch.search(share, this);
    told.accept("");
    return Objects.requireNonNull(last).reaching(share);
  }

  /** Makes a model and times it well. */
  ShrinkResult timed(ShrinkRequest request) {
    ShrinkResult made = maker.apply(request);
    return made.with(meter.measure(made.done().model()));
  }

  @Override
  public OptionalDouble glance(double macs) {
    ShrinkResult made;
    try {
      made = maker.apply(options.request(Metric.MACS, macs));
    } catch (InvalidPlanException e) {
      return OptionalDouble.empty(); // So few are out of reach.
    }
    Latency latency = meter.glance(made.done().model());
    tell("timed", made, latency);
    return OptionalDouble.of(latency.ratio());
  }

  @Override
  public double measure(double macs) {
    last = timed(options.request(Metric.MACS, macs));
    Latency latency = last.latency().orElseThrow();
    tell("again", last, latency);
    return latency.ratio();
  }

  private void tell(String what, ShrinkResult made, Latency latency) {
    double left = made.done().after(Metric.MACS) / made.done().before(Metric.MACS);
    told.accept(
        String.format(
            Locale.ROOT,
            "%s   %5.2f%% of the multiplications: %5.2f%% of the time, %d pairs",
            what,
            100 * left,
            100 * latency.ratio(),
            latency.pairs()));
  }
}
