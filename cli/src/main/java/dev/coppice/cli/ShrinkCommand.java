package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.Scope;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.graph.Group.Kind;
import dev.coppice.graph.Metric;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.ShrinkRequest.Criterion;
import dev.coppice.graph.Shrinkage;
import dev.coppice.graph.Shrinker;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "shrink",
    header = "Write a smaller copy of an ONNX model.%n",
    sortOptions = false,
    description = {
      "Writes a copy of an ONNX model from which whole channels, attention heads and feed-forward"
          + " neurons are removed, with everything that depends on them: smaller matrices, which"
          + " every runtime multiplies faster.",
      "",
      "Inputs and outputs of the model keep their names and shapes. The copy answers what the dense"
          + " model would with zeros in place of what was removed. The output appears whole or not"
          + " at all.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  Half of the multiplications:",
      "    coppice shrink model.onnx -o small.onnx --target macs=0.5",
      "  What could be removed, what it would save, what cannot be and why:",
      "    coppice shrink model.onnx --target macs=0.5 --dry-run",
      "  A third of the parameters, attention heads alone:",
      "    coppice shrink model.onnx -o small.onnx --target params=.67 --what heads",
      "  Any counts, the first layer as it is:",
      "    coppice shrink model.onnx -o small.onnx --target macs=.6 --round-to 1 --keep 'stem.*'"
    })
final class ShrinkCommand extends SessionCommand {
  static final class Targets extends PlanOptions.Words {
    private static final long serialVersionUID = 1;

    Targets() {
      super("macs=0.5", "params=0.5", "bytes=0.5");
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
      super("channels", "heads", "neurons");
    }
  }

  @Parameters(paramLabel = "MODEL.onnx", description = "An ONNX model in one file.")
  @Nullable Path model;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "SMALL.onnx",
      description = "Where the smaller model goes. Required, except with --dry-run.")
  @Nullable Path output;

  @Option(
      names = "--target",
      paramLabel = "METRIC=F",
      required = true,
      completionCandidates = Targets.class,
      description =
          "How much may be left, as a fraction of the dense model: of macs (multiplications of"
              + " convolutions and matrix products), params or bytes.")
  String target = "";

  @Option(
      names = "--criterion",
      paramLabel = "CRITERION",
      completionCandidates = Criteria.class,
      description =
          "What goes first: the units with the smallest weights by l2 (default) or l1, those nearest"
              + " to the others (fpgm), those with the smallest scales of batch norms (bn-scale), those"
              + " that calibration data shows to be missed least (activation), or random ones.")
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
      description = "Remove only these: channels, heads, neurons (default: all).")
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

  @Option(
      names = "--size",
      paramLabel = "INPUT=AxBx..",
      description =
          "The shape of an input that multiplications are counted for. An axis of an open size"
              + " counts 1 if it is the first, else 224 in an image, else 128. May be repeated.")
  List<String> sizes = new ArrayList<>();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the random criterion (default: 0).")
  long seed;

  @Option(
      names = "--report",
      paramLabel = "FILE.json",
      description = "Also write a report for programs; docs/shrink.md is its schema.")
  @Nullable Path report;

  @Option(
      names = "--dry-run",
      description = "Show groups, savings and what cannot be removed, and write no model.")
  boolean dryRun;

  @Option(names = "--force", description = "Replace an existing output or report.")
  boolean force;

  @Override
  public Integer call() throws IOException {
    if (output == null && !dryRun) {
      throw new InvalidPlanException(
          "-o SMALL.onnx is required: it says where the smaller model goes; --dry-run goes without"
              + " it");
    }
    if (report != null && output != null && whole(report).equals(whole(output))) {
      throw new InvalidPlanException("--report and -o name the same file");
    }
    Path input = Objects.requireNonNull(model);
    ShrinkRequest request = request();
    Map<String, long[]> shapes = shapes();
    Shrinker shrinker = Models.input(input, file -> Shrinker.open(file, shapes));
    checkTargets(input);
    Shrinkage done = shrinker.shrink(request);
    if (!dryRun) {
      done.write(Objects.requireNonNull(output), force);
    }
    if (report != null) {
      byte[] json = ShrinkJson.of(shrinker, done, request, input);
      try (FileTarget file = FileTarget.begin(report, force, List.of(input))) {
        file.main().write(0, ByteBuffer.wrap(json));
        file.commit(List.of());
      }
    }
    ShrinkText text = new ShrinkText(shrinker, done, width());
    (dryRun ? text.plan() : text.result(Objects.requireNonNull(output))).forEach(this::print);
    return ExitStatus.OK;
  }

  /** Refuses, before any work, what could not be written after it. */
  private void checkTargets(Path input) throws IOException {
    if (!dryRun) {
      FileTarget.begin(Objects.requireNonNull(output), force, List.of(input)).close();
    }
    if (report != null) {
      FileTarget.begin(report, force, List.of(input)).close();
    }
  }

  private ShrinkRequest request() {
    int equals = target.indexOf('=');
    if (equals < 0) {
      throw new InvalidPlanException("--target is METRIC=F, such as macs=0.5, not " + target);
    }
    return new ShrinkRequest(
        word("--target", target.substring(0, equals), Metric.class),
        PlanOptions.share("--target", target.substring(equals + 1)),
        word("--criterion", criterion, Criterion.class),
        word("--scope", scope, Scope.class),
        roundTo,
        PlanOptions.share("--floor", floor),
        kinds(),
        keep,
        seed);
  }

  private Set<Kind> kinds() {
    Set<Kind> kinds = EnumSet.noneOf(Kind.class);
    what.forEach(kind -> kinds.add(word("--what", kind, Kind.class)));
    return kinds.isEmpty() ? ShrinkRequest.KINDS : kinds;
  }

  private static <E extends Enum<E>> E word(String option, String text, Class<E> words) {
    List<String> known =
        Arrays.stream(words.getEnumConstants())
            .filter(word -> word != Scope.ROW)
            .map(word -> word.name().toLowerCase(Locale.ROOT).replace('_', '-'))
            .toList();
    if (!known.contains(text)) {
      throw new InvalidPlanException(
          option + " has no \"" + text + "\"; it has " + String.join(", ", known));
    }
    return Enum.valueOf(words, text.toUpperCase(Locale.ROOT).replace('-', '_'));
  }

  private Map<String, long[]> shapes() {
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

  private static Path whole(Path path) {
    return path.toAbsolutePath().normalize();
  }
}
