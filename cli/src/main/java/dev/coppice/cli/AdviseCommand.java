package dev.coppice.cli;

import dev.coppice.Backends;
import dev.coppice.Pruner;
import dev.coppice.evaluation.LatencyMeter;
import dev.coppice.evaluation.OnnxRuntime;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.graph.Metric;
import dev.coppice.graph.RepairBackend;
import dev.coppice.graph.ShrinkRequest;
import dev.coppice.graph.Shrinker;
import dev.coppice.spi.Backend;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "advise",
    header = "Measure what would pay for an ONNX model on this machine.%n",
    sortOptions = false,
    description = {
      "Shrinks an ONNX model to 0.75, 0.5 and 0.35 of its multiplications and puts zeros into it,"
          + " times each of these models in ONNX Runtime in turn with the dense one, and says what"
          + " pays, with the command that does it, or that nothing does. Where linear layers are"
          + " large, zeros are also timed as coppice sparsify compresses them.",
      "",
      "With --eval it is measured how good each of them is; what loses more than 0.02 of the metric"
          + " is not advised. With --calibration data choose what goes, and each smaller model is"
          + " repaired. Nothing is written but the report. Takes less than a minute without data.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  What would pay:",
      "    coppice advise model.onnx",
      "  For batches of 64 images, with 4 threads:",
      "    coppice advise model.onnx --size image=64x3x224x224 -T 4",
      "  And how good what is left would be:",
      "    coppice advise model.onnx --calibration images/ --eval test-images/:accuracy"
    })
final class AdviseCommand extends SessionCommand {
  @Parameters(paramLabel = "MODEL.onnx", description = "An ONNX model.")
  @Nullable Path model;

  @Option(names = "--size", paramLabel = "INPUT=AxBx..", description = ShrinkOptions.SIZE)
  List<String> sizes = new ArrayList<>();

  @Option(
      names = {"-T", "--threads"},
      paramLabel = "T",
      description = "Threads that latency is measured with (default: 2).")
  int threads = Math.min(2, Runtime.getRuntime().availableProcessors());

  @Mixin DataChoice data = new DataChoice();

  @Mixin BackendOption backend = new BackendOption();

  @Option(
      names = "--report",
      paramLabel = "FILE.json",
      description = "Also write a report for programs; docs/advise.md is its schema.")
  @Nullable Path report;

  @Option(names = "--force", description = "Replace an existing report.")
  boolean force;

  @Override
  public Integer call() throws IOException {
    PruneCommand.checkThreads(threads);
    Path input = Objects.requireNonNull(model);
    Map<String, long[]> shapes = ShrinkOptions.shapes(sizes);
    if (report != null) {
      FileTarget.begin(report, force, List.of(input)).close();
    }
    OnnxRuntime.missing()
        .ifPresent(
            why -> {
              throw new Failure.Refusal(
                  ExitStatus.UNAVAILABLE, input + ": nothing can be measured: " + why);
            });
    Shrinker opened = Models.input(input, file -> Shrinker.open(file, shapes));
    try (Backend used = Backends.choose(backend.name, opened.weightBytes()).backend();
        RepairBackend repairs =
            data.calibration == null
                ? RepairBackend.reference()
                : RepairBackend.named(backend.name);
        TemporaryFolder folder = TemporaryFolder.make("coppice-advise-")) {
      advise(input, opened.on(used).repairingOn(repairs), folder);
    }
    return ExitStatus.OK;
  }

  private void advise(Path input, Shrinker shrinker, TemporaryFolder folder) throws IOException {
    Path dense = whole(input, shrinker, folder);
    AdviseText text = new AdviseText(this::tell, width(), metric());
    Advice advice;
    try (ChosenData chosen =
            ChosenData.open(data, data.isNeeded() ? Files.readAllBytes(dense) : new byte[0]);
        LatencyMeter meter = LatencyMeter.open(Shrinker.bytes(dense), shrinker.sizes(), threads);
        Pruner pruner =
            Pruner.builder().backend(backend.name).cancellation(session().cancellation()).build()) {
      text.begin(shrinker.sizes(), threads);
      advice = new AdviseRun(dense, shrinker, chosen, meter, folder, pruner, text).advise();
    }
    Verdict verdict = Verdict.of(advice);
    Optional<List<String>> command = AdvisedCommand.of(verdict, input, sizes, data);
    List<List<String>> sparsify = AdvisedCommand.sparsify(verdict, input, sizes);
    write(input, AdviseJson.of(setting(input, shrinker), advice, verdict, command, sparsify));
    text.end(verdict, command, sparsify);
  }

  private AdviseJson.Setting setting(Path input, Shrinker shrinker) {
    return new AdviseJson.Setting(
        input, shrinker.sizes(), threads, Optional.ofNullable(data.eval), shrinker.backend());
  }

  /** Gives the model in one file, which runtimes load from memory. */
  private static Path whole(Path input, Shrinker shrinker, TemporaryFolder folder)
      throws IOException {
    try (Checkpoint checkpoint = Models.open(input)) {
      if (checkpoint.inputs().size() == 1) {
        return input;
      }
    }
    byte[] untouched = shrinker.shrink(ShrinkRequest.of(Metric.MACS, 1)).model();
    return Files.write(folder.file("dense.onnx"), untouched);
  }

  private Optional<String> metric() {
    return Optional.ofNullable(data.eval).map(eval -> eval.substring(eval.lastIndexOf(':') + 1));
  }

  private void write(Path input, byte[] json) throws IOException {
    if (report != null) {
      FileTarget.write(report, json, force, List.of(input));
    }
  }
}
