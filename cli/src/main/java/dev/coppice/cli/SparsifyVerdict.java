package dev.coppice.cli;

import dev.coppice.cli.Advice.Zeros;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What follows for {@code coppice sparsify} from what was measured of a model. */
final class SparsifyVerdict {
  /** A model with zeros whose compressed form was timed. */
  private record Timed(Zeros zeros, SparsifyTrial.Timed trial) {
    double ratio() {
      return trial.latency().ratio();
    }

    boolean isFaster() {
      return Verdict.isFaster(trial.latency());
    }

    String text() {
      return String.format(
          Locale.ROOT,
          "%.2f of the time in %s (%s)",
          ratio(),
          Figures.bytes(trial.bytes()),
          zeros.pattern());
    }
  }

  private SparsifyVerdict() {}

  private static List<Timed> timed(Advice advice) {
    List<Timed> all = new ArrayList<>();
    for (Zeros zeros : advice.zeros()) {
      if (zeros.sparsified() instanceof SparsifyTrial.Timed trial) {
        all.add(new Timed(zeros, trial));
      }
    }
    return all;
  }

  /** Gives the fastest that pays: faster, and not much worse where data say how good it is. */
  static Optional<Zeros> best(Advice advice) {
    return timed(advice).stream()
        .filter(one -> one.isFaster() && Verdict.isTolerable(advice, one.zeros.quality()))
        .min(Comparator.comparingDouble(Timed::ratio))
        .map(Timed::zeros);
  }

  /** Says whether compressed layers pay, or why they were not tried; there are zeros. */
  static String reason(Advice advice) {
    List<Timed> timed = timed(advice);
    if (timed.isEmpty()) {
      return "Sparsify was not tried: " + why(advice) + ".";
    }
    String times = String.join(" and ", timed.stream().map(Timed::text).toList());
    if (best(advice).isPresent()) {
      return "Sparsify pays: with the zeros left out the model takes %s.%s"
          .formatted(
              times,
              advice.dense().quality().isEmpty()
                  ? " How good it then is was not measured: --eval DATA:METRIC does that."
                  : "");
    }
    return timed.stream().anyMatch(Timed::isFaster)
        ? "Sparsify is faster, and the zeros lose more than is tolerable: %s.".formatted(times)
        : "Sparsify does not pay: with the zeros left out the model takes %s, which is no gain beyond"
                .formatted(times)
            + " how much runs vary.";
  }

  private static String why(Advice advice) {
    return advice.zeros().get(0).sparsified() instanceof SparsifyTrial.Untried untried
        ? untried.why()
        : "";
  }
}
