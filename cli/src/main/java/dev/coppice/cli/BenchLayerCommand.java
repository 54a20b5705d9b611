package dev.coppice.cli;

import dev.coppice.DType;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.Planner;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "layer",
    header = "Measure one layer of random weights.%n",
    sortOptions = false,
    description = {
      "Makes random weights with as many zeros as are asked for and times their products in each"
          + " format. Samples of all products are taken in turn, on copies of the weights that no"
          + " cache holds; times are medians. The row marked * is what should be used.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  14336 inputs, 4096 outputs, half of the weights zero, a token at a time:",
      "    coppice bench layer --shape 4096x14336 --batch 1 --sparsity 0.5",
      "  The same as two of every four, in BF16, on a GPU:",
      "    coppice bench layer --shape 4096x14336 --pattern 2:4 --dtype bf16 \\",
      "        --device cuda:0",
      "  For programs:",
      "    coppice bench layer --shape 1024x4096 --sparsity 0.9 --report plan.json"
    })
final class BenchLayerCommand extends SessionCommand {
  private static final double SECONDS_A_BATCH = 5;

  @Option(
      names = "--shape",
      paramLabel = "OUTxIN",
      required = true,
      description = "The layer's outputs and inputs.")
  String shape = "";

  @Option(
      names = "--sparsity",
      paramLabel = "S",
      description = "The share of weights that are zero, from 0 to 1 (default: 0.5).")
  @Nullable Double sparsity;

  @Option(
      names = "--pattern",
      paramLabel = "2:4",
      description = "Keep two of every four weights; without it zeros are anywhere.")
  @Nullable String pattern;

  @Option(names = "--dtype", paramLabel = "TYPE", description = "f32, f16 or bf16 (default: f32).")
  String dtype = "f32";

  @Mixin BenchOptions options = new BenchOptions();

  @Override
  public Integer call() throws IOException {
    RandomLayer layer = RandomLayer.of(shape, type(), share(), pattern != null);
    options.check(List.of());
    List<Long> rows = options.rows();
    Planner.Builder planner = Planner.on(options.where()).batches(rows);
    LinearPlan plan;
    try (ProgressBar bar = ProgressBar.ofSteps(console(), !quiet)) {
      plan =
          planner
              .seconds(SECONDS_A_BATCH * rows.size())
              .listener(bar)
              .cancellation(session().cancellation())
              .build()
              .plan(List.of(new Planner.Layer("layer", layer::weights)));
    }
    options.write(plan, List.of());
    new BenchText(plan, rows, width()).lines().forEach(this::print);
    return ExitStatus.OK;
  }

  private double share() {
    if (pattern != null && !pattern.equals("2:4")) {
      throw new IllegalArgumentException(
          "--pattern must be 2:4, not " + pattern + "; zeros anywhere need no pattern");
    }
    double share = sparsity == null ? 0.5 : sparsity;
    if (!(share >= 0 && share <= 1)) {
      throw new IllegalArgumentException("--sparsity must be from 0 to 1, not " + share);
    }
    if (pattern != null && share != 0.5) {
      throw new IllegalArgumentException("2:4 is a sparsity of 0.5, not " + share);
    }
    return share;
  }

  private DType type() {
    return Arrays.stream(DType.values())
        .filter(type -> type.name().equals(dtype.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("--dtype must be f32, f16 or bf16, not " + dtype));
  }
}
