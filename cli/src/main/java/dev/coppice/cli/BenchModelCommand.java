package dev.coppice.cli;

import dev.coppice.ProgressListener;
import dev.coppice.formats.plan.PlanCache;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.Planner;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "model",
    header = "Measure the linear layers of a model.%n",
    sortOptions = false,
    description = {
      "Times the linear layers of a model, weights of rank 2 that a default plan would prune, with"
          + " the zeros that they have, in each format that can hold them; and says what all of them"
          + " together would gain. Layers of the same shape, type and share of zeros are measured"
          + " once. Takes less than a minute, reading and compressing the weights apart; what was"
          + " measured is kept in your cache folder.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  What a pruned model gains on this machine's processor:",
      "    coppice prune model.safetensors -o pruned.safetensors --pattern 2:4",
      "    coppice bench model pruned.safetensors",
      "  For single tokens alone, with 4 threads, and the plan for SparseLinear:",
      "    coppice bench model pruned.onnx --batch 1 -T 4 --report plan.json"
    })
final class BenchModelCommand extends SessionCommand {
  @Parameters(
      paramLabel = "MODEL",
      description = "A safetensors file or index, an ONNX file, or a folder with one of them.")
  @Nullable Path model;

  @Mixin BenchOptions options = new BenchOptions();

  @Option(names = "--again", description = "Measure again what was measured before.")
  boolean again;

  @Override
  public Integer call() throws IOException {
    Path path = Objects.requireNonNull(model);
    List<Long> rows = options.rows();
    Planner.Builder planner = Planner.on(options.where()).batches(rows);
    try (Checkpoint checkpoint = Models.open(path)) {
      options.check(checkpoint.inputs());
      ModelLayers layers = ModelLayers.of(checkpoint, execution(ProgressListener.NONE));
      if (layers.layers().isEmpty()) {
        throw new Failure.Refusal(
            ExitStatus.DATA,
            path + ": has no weights of a linear layer; coppice inspect shows what it has");
      }
      LinearPlan plan = plan(planner, layers);
      options.write(plan, checkpoint.inputs());
      new BenchText(plan, rows, width()).lines().forEach(this::print);
      if (layers.tooLarge() > 0) {
        print("Left out: " + Figures.counted(layers.tooLarge(), "layer") + " of 2 GiB or more.");
      }
    }
    return ExitStatus.OK;
  }

  private LinearPlan plan(Planner.Builder planner, ModelLayers layers) throws IOException {
    try (ProgressBar bar = ProgressBar.ofSteps(console(), !quiet)) {
      return planner
          .listener(bar)
          .cancellation(session().cancellation())
          .cache(again ? new Renewing(cache()) : cache())
          .build()
          .plan(layers.layers());
    }
  }

  private static Planner.Cache cache() {
    return PlanCache.ofUser(Coppice.version());
  }

  /** A cache that finds nothing and keeps what is new. */
  private record Renewing(Planner.Cache cache) implements Planner.Cache {
    @Override
    public Optional<LinearPlan> find(String what) {
      return Optional.empty();
    }

    @Override
    public void keep(String what, LinearPlan plan) {
      cache.keep(what, plan);
    }
  }
}
