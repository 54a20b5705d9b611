package dev.coppice.cli;

import dev.coppice.cli.Advice.Shrunk;
import dev.coppice.cli.Advice.Zeros;
import dev.coppice.evaluation.Latency;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What follows from what was measured of a model.
 *
 * @param subject the smaller model that it rests on, if there is one
 * @param sparse the model with zeros that should be compressed, if that pays
 * @param reasons sentences
 */
record Verdict(Kind kind, Optional<Shrunk> subject, Optional<Zeros> sparse, List<String> reasons) {
  /** What pays. */
  enum Kind {
    /** A smaller model is faster, and as good as its data can say. */
    PAYS,
    /** Smaller models are faster, and each is worse by more than is tolerable. */
    COSTS_QUALITY,
    /** Smaller models are not faster. */
    NOTHING,
    /** Not even a quarter of the multiplications can be removed. */
    LITTLE
  }

  /** The drop of a metric that is taken for none worth mentioning. */
  static final double TOLERABLE = 0.02;

  /** A model that takes more of the dense one's time is not worth its trouble. */
  private static final double WORTH = 0.95;

  /** Half of a notch, in quartile ranges; two medians whose notches are apart differ (McGill). */
  private static final double NOTCH = 1.57;

  /** What is advised where nothing tells of quality: half, less if that does not pay. */
  private static final List<Double> CUSTOMARY = List.of(0.5, 0.35, 0.75);

  private static final double BRIEF_SECONDS = 1e-3;
  private static final double ROUNDING = 1e-9;

  /** Holds what it is given. */
  Verdict {
    reasons = List.copyOf(reasons);
  }

  static Verdict of(Advice advice) {
    List<Shrunk> all = advice.shrunk();
    List<Shrunk> faster = all.stream().filter(Verdict::isFaster).toList();
    if (all.isEmpty()) {
      return about(advice, Kind.LITTLE, Optional.empty(), little(advice));
    }
    if (faster.isEmpty()) {
      Shrunk fastest = fastest(all).orElseThrow();
      return about(advice, Kind.NOTHING, Optional.of(fastest), nothing(advice, fastest));
    }
    if (advice.dense().quality().isEmpty()) {
      Shrunk best = customary(faster);
      return about(advice, Kind.PAYS, Optional.of(best), pays(best) + unknown(advice));
    }
    double dense = advice.dense().quality().getAsDouble();
    Optional<Shrunk> good =
        fastest(faster.stream().filter(s -> isTolerable(advice, s.quality())).toList());
    if (good.isPresent()) {
      Shrunk best = good.get();
      String better = pays(best) + ", " + quality(dense, best) + ".";
      return about(advice, Kind.PAYS, Optional.of(best), better);
    }
    Shrunk best = faster.stream().max(Comparator.comparingDouble(Verdict::quality)).orElseThrow();
    return about(advice, Kind.COSTS_QUALITY, Optional.of(best), costs(advice, best));
  }

  private static Verdict about(Advice advice, Kind kind, Optional<Shrunk> subject, String verdict) {
    List<String> reasons = new ArrayList<>(List.of(verdict));
    if (kind != Kind.LITTLE && advice.room().least() > 0.5) {
      reasons.add("Not all of it could go: " + room(advice) + ".");
    }
    reasons.add(zeros(advice));
    if (!advice.zeros().isEmpty()) {
      reasons.add(SparsifyVerdict.reason(advice));
    }
    return new Verdict(kind, subject, SparsifyVerdict.best(advice), reasons);
  }

  /** At a glance the ratio decides; what the verdict rests on is timed well in the end. */
  private static boolean isFaster(Shrunk model) {
    return model.measured() ? isFaster(model.latency()) : isWorthwhile(model.latency());
  }

  /** Says whether a model takes so much less time that it would be worth its trouble. */
  static boolean isWorthwhile(Latency latency) {
    return latency.ratio() <= WORTH;
  }

  /** Says whether a model is faster, by more than what its runs vary. */
  static boolean isFaster(Latency latency) {
    return isWorthwhile(latency)
        && latency.dense().median() > latency.small().median()
        && isApart(latency);
  }

  /** Says whether two models' times differ by more than what their runs vary. */
  static boolean isApart(Latency latency) {
    double notches =
        notch(latency.small(), latency.pairs()) + notch(latency.dense(), latency.pairs());
    return Math.abs(latency.dense().median() - latency.small().median()) > notches;
  }

  private static double notch(Latency.Spread spread, int runs) {
    return NOTCH * (spread.high() - spread.low()) / Math.sqrt(runs);
  }

  /** Says whether a model is about as good as the dense one, as far as data tell. */
  static boolean isTolerable(Advice advice, OptionalDouble quality) {
    return advice.dense().quality().isEmpty()
        || quality.orElse(Double.NEGATIVE_INFINITY)
            >= advice.dense().quality().getAsDouble() - TOLERABLE - ROUNDING;
  }

  private static Optional<Shrunk> fastest(List<Shrunk> models) {
    return models.stream().min(Comparator.comparingDouble(s -> s.latency().ratio()));
  }

  private static Shrunk customary(List<Shrunk> faster) {
    return CUSTOMARY.stream()
        .flatMap(
            target -> fastest(faster.stream().filter(s -> s.target() == target).toList()).stream())
        .findFirst()
        .orElseThrow();
  }

  private static double quality(Shrunk model) {
    return model.quality().orElse(Double.NEGATIVE_INFINITY);
  }

  private static String pays(Shrunk best) {
    return String.format(
        Locale.ROOT,
        "Shrink pays: %.2f of the time at %.2f of the multiplications",
        best.latency().ratio(),
        best.macs());
  }

  private static String unknown(Advice advice) {
    return ". How good it then is was not measured: --eval DATA:METRIC does that"
        + (advice.repaired() ? "." : ", --calibration DATA mends it.");
  }

  private static String quality(double dense, Shrunk best) {
    return String.format(Locale.ROOT, "quality %.4f -> %.4f", dense, quality(best));
  }

  private static String costs(Advice advice, Shrunk best) {
    return String.format(
        Locale.ROOT,
        "Shrink is faster, and loses more than is tolerable: at the best %s, with %.2f of the time"
            + " at %.2f of the multiplications. %s",
        quality(advice.dense().quality().orElseThrow(), best),
        best.latency().ratio(),
        best.macs(),
        advice.repaired()
            ? "A search for the smallest model within %s of the metric:".formatted(TOLERABLE)
            : "With --calibration DATA, data choose what goes and repair what is left; a search"
                + " for the smallest model within %s of the metric:".formatted(TOLERABLE));
  }

  private static String nothing(Advice advice, Shrunk fastest) {
    Latency latency = fastest.latency();
    boolean brief = latency.dense().median() < BRIEF_SECONDS;
    return String.format(
        Locale.ROOT,
        "%s: the fastest smaller model takes %.2f of the time at %.2f of the multiplications, which"
            + " is no gain beyond how much runs vary. %s",
        none(advice),
        latency.ratio(),
        fastest.macs(),
        brief
            ? String.format(
                Locale.ROOT,
                "The model is so small (%.3f ms a run) that most of its time goes elsewhere;"
                    + " --size can name a larger batch.",
                1e3 * latency.dense().median())
            : "Its time goes elsewhere than into multiplications that can be removed.");
  }

  private static String none(Advice advice) {
    return SparsifyVerdict.best(advice).isEmpty()
        ? "Nothing pays here"
        : "Shrink does not pay here";
  }

  private static String little(Advice advice) {
    if (advice.dense().macs() == 0) {
      return none(advice) + ": the model has no convolutions or matrix products to make smaller.";
    }
    return advice.room().least() > 0.9995
        ? none(advice) + ", as nothing can be removed: " + room(advice) + "."
        : "What can be removed is little: " + room(advice) + ".";
  }

  private static String room(Advice advice) {
    Advice.Room room = advice.room();
    String least =
        String.format(Locale.ROOT, "at least %.2f of the multiplications stay", room.least());
    if (room.frozen() < 0.005) {
      return least + ", as some of each group has to";
    }
    return least
        + String.format(Locale.ROOT, ", %.2f of all are in layers that are frozen", room.frozen())
        + (room.reason().isEmpty() ? "" : ", mostly because " + room.reason());
  }

  /** Says what zeros alone bring. */
  private static String zeros(Advice advice) {
    if (advice.zeros().isEmpty()) {
      return "Zeros alone: no weight of this model would be pruned.";
    }
    List<String> times = new ArrayList<>();
    List<String> sizes = new ArrayList<>();
    for (Zeros zeros : advice.zeros()) {
      times.add(String.format(Locale.ROOT, "%.2f (%s)", zeros.latency().ratio(), zeros.pattern()));
      sizes.add(Figures.bytes(zeros.deflated()));
    }
    boolean gain = advice.zeros().stream().anyMatch(zeros -> isFaster(zeros.latency()));
    return String.format(
        Locale.ROOT,
        "Zeros alone %s: with them the model takes %s of the time%s. They make the file compress"
            + " better: to %s instead of %s.",
        gain ? "seem to pay" : "do not pay",
        String.join(" and ", times),
        gain ? "" : ", as a dense runtime multiplies them like other numbers",
        String.join(" and ", sizes),
        Figures.bytes(advice.dense().deflated()));
  }
}
