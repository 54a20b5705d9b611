package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.Scope;
import dev.coppice.graph.Group.Kind;
import dev.coppice.graph.Metric;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.ShrinkRequest.Criterion;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** The options that say how much of a model is removed, and what. */
final class ShrinkOptions {
  private static final String LATENCY = "latency";

  /** What --size is, wherever it is an option. */
  static final String SIZE =
      "The shape of an input that multiplications are counted and latency is measured for. An axis"
          + " of an open size counts 1 if it is the first, else 224 in an image, else 128. May be"
          + " repeated.";

  static final class Targets extends PlanOptions.Words {
    private static final long serialVersionUID = 1;

    Targets() {
      super("macs=0.5", "params=0.5", "bytes=0.5", "latency=0.5");
    }
  }

  static final class Criteria extends PlanOptions.Words {
    private static final long serialVersionUID = 1;

    Criteria() {
      super("l2", "l1", "fpgm", "bn-scale", "activation", "random");
    }
  }

  static final class Scopes extends PlanOptions.Words {
    private static final long serialVersionUID = 1;

    Scopes() {
      super("global", "tensor");
    }
  }

  static final class Kinds extends PlanOptions.Words {
    private static final long serialVersionUID = 1;

    Kinds() {
      super("channels", "heads", "neurons", "layers");
    }
  }

  @Option(
      names = "--target",
      paramLabel = "METRIC=F",
      completionCandidates = Targets.class,
      description =
          "How much may be left, as a fraction of the dense model: of macs (multiplications of"
              + " convolutions and matrix products), params, bytes, or latency: up to eight models"
              + " are made and timed here. Required, except with --max-drop or --recipe.")
  String target = "";

  @Option(
      names = "--criterion",
      paramLabel = "CRITERION",
      completionCandidates = Criteria.class,
      description =
          "What goes first: the units with the smallest weights by l2 (default) or l1; those that"
              + " are nearest to all others (fpgm); with the smallest scales of batch norms"
              + " (bn-scale); that the layers behind them miss least on calibration data"
              + " (activation, the best of them); or random ones.")
  String criterion = "l2";

  @Option(
      names = "--scope",
      paramLabel = "SCOPE",
      completionCandidates = Scopes.class,
      description =
          "global (default): groups compete, by importance for what they save. tensor: each loses"
              + " the same share.")
  String scope = "global";

  @Option(
      names = "--what",
      paramLabel = "KINDS",
      split = ",",
      completionCandidates = Kinds.class,
      description =
          "Remove only these: channels, heads, neurons (default: these three); layers, whole blocks"
              + " with a shortcut around them, need calibration data.")
  List<String> what = new ArrayList<>();

  @Option(
      names = "--keep",
      paramLabel = "GLOB",
      description =
          "Remove nothing of groups with a node or weight whose whole name matches. May be"
              + " repeated.")
  List<String> keep = new ArrayList<>();

  @Option(
      names = "--round-to",
      paramLabel = "N",
      description =
          "What stays of channels and neurons is a multiple of N (default: 8, which runtimes"
              + " like; 1 for exact targets).")
  int roundTo = ShrinkRequest.ROUND_TO;

  @Option(
      names = "--floor",
      paramLabel = "F",
      description = "The share of each group that stays at least (default: 0.1).")
  String floor = String.valueOf(ShrinkRequest.FLOOR);

  @Option(names = "--size", paramLabel = "INPUT=AxBx..", description = SIZE)
  List<String> sizes = new ArrayList<>();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the random criterion (default: 0).")
  long seed;

  /** Gives the share of the dense model's time that is the target; nothing if another is. */
  OptionalDouble latency() {
    return !target.isEmpty() && metric().equals(LATENCY)
        ? OptionalDouble.of(fraction())
        : OptionalDouble.empty();
  }

  /** Gives what is asked for; of a latency, that share of the multiplications: about as much. */
  ShrinkRequest request() {
    if (target.isEmpty()) {
      return request(Metric.MACS, 1);
    }
    return metric().equals(LATENCY)
        ? request(Metric.MACS, fraction())
        : request(word("--target", metric(), Metric.class, LATENCY), fraction());
  }

  /** Asks for a share of a metric, and for all else as the options say. */
  ShrinkRequest request(Metric metric, double fraction) {
    return new ShrinkRequest(
        metric,
        fraction,
        word("--criterion", criterion, Criterion.class),
        word("--scope", scope, Scope.class),
        roundTo,
        PlanOptions.share("--floor", floor),
        kinds(),
        keep,
        seed);
  }

  private String metric() {
    int equals = target.indexOf('=');
    if (equals < 0) {
      throw new InvalidPlanException("--target is METRIC=F, such as macs=0.5, not " + target);
    }
    return target.substring(0, equals);
  }

  private double fraction() {
    return PlanOptions.share("--target", target.substring(target.indexOf('=') + 1));
  }

  private Set<Kind> kinds() {
    Set<Kind> kinds = EnumSet.noneOf(Kind.class);
    what.forEach(kind -> kinds.add(word("--what", kind, Kind.class)));
    return kinds.isEmpty() ? ShrinkRequest.KINDS : kinds;
  }

  private static <E extends Enum<E>> E word(
      String option, String text, Class<E> words, String... others) {
    List<String> known =
        Stream.concat(
                Arrays.stream(words.getEnumConstants())
                    .filter(word -> word != Scope.ROW)
                    .map(word -> word.name().toLowerCase(Locale.ROOT).replace('_', '-')),
                Stream.of(others))
            .toList();
    if (!known.contains(text)) {
      throw new InvalidPlanException(
          option + " has no \"" + text + "\"; it has " + String.join(", ", known));
    }
    return Enum.valueOf(words, text.toUpperCase(Locale.ROOT).replace('-', '_'));
  }

  /** Gives the shapes of inputs that are named, by name. */
  Map<String, long[]> shapes() {
    return shapes(sizes);
  }

  static Map<String, long[]> shapes(List<String> sizes) {
    Map<String, long[]> shapes = new HashMap<>();
    for (String size : sizes) {
      int equals = size.lastIndexOf('=');
      if (equals < 1
          || !size.substring(equals + 1).matches("[1-9]\\d{0,8}(x[1-9]\\d{0,8}){0,15}")) {
        throw new InvalidPlanException(
            "--size is INPUT=AxBx.., such as x=1x3x224x224, not " + size);
      }
      shapes.put(
          size.substring(0, equals),
          Arrays.stream(size.substring(equals + 1).split("x", -1))
              .mapToLong(Long::parseLong)
              .toArray());
    }
    return shapes;
  }
}
