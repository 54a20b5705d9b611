package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.LatencyMeter;
import dev.coppice.evaluation.OnnxRuntime;
import dev.coppice.evaluation.Proof;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.graph.Sparsified;
import dev.coppice.graph.Sparsifier;
import dev.coppice.simd.OrtLibrary;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "sparsify",
    header = "Let ONNX Runtime multiply by compressed weights.%n",
    sortOptions = false,
    description = {
      "Writes a copy of a pruned ONNX model in which linear layers (MatMul, Gemm) are an operator of"
          + " Coppice's own that multiplies by the weights in compressed form: smaller, and faster"
          + " where a plan has measured that. The copy needs ONNX Runtime 1.17 or newer with a"
          + " library that this command gives (docs/sparsify.md).",
      "",
      "Both models are run and compared before anything is written, and timed in turn. The output"
          + " appears whole or not at all.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  What is faster compressed, measured first, for a sentence of 128 tokens:",
      "    coppice bench model pruned.onnx --batch 128 --report plan.json",
      "    coppice sparsify pruned.onnx -o sparse.onnx --plan plan.json --batch 128",
      "  All layers that fit, without a measurement, and the library beside them:",
      "    coppice sparsify pruned.onnx -o sparse.onnx --format auto \\",
      "        --library libcoppice_ort.so",
      "  Timed for 8 sentences of 128 tokens:",
      "    coppice sparsify pruned.onnx -o sparse.onnx --format bitmap \\",
      "        --size input_ids=8x128 --size attention_mask=8x128 \\",
      "        --size token_type_ids=8x128"
    })
final class SparsifyCommand extends SessionCommand {
  @Parameters(paramLabel = "MODEL.onnx", description = "A pruned ONNX model in one file.")
  @Nullable Path model;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "OUT.onnx",
      required = true,
      description = "Where the model with compressed layers goes.")
  @Nullable Path output;

  @Option(
      names = "--plan",
      paramLabel = "PLAN.json",
      description =
          "Compress the layers that were faster so, as coppice bench model has measured here.")
  @Nullable Path plan;

  @Option(
      names = "--batch",
      paramLabel = "N",
      description =
          "The rows of a layer's input that the plan is asked for, such as tokens times sentences"
              + " (default: 1).")
  @Nullable Long batch;

  @Option(
      names = "--any-machine",
      description =
          "Also take a plan that was measured elsewhere: for a model that is to run there.")
  boolean anyMachine;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      completionCandidates = SparsifyChoice.Formats.class,
      description =
          "Without a plan: compress all layers that fit, as bitmap, 2:4 or csr, or (auto) from 30%%"
              + " zeros on in whichever of them takes the fewest bytes.")
  @Nullable String format;

  @Option(
      names = "--size",
      paramLabel = "INPUT=AxBx..",
      description =
          "The shape of an input that both models are run and timed with. An axis of an open size"
              + " counts 1 if it is the first, else 224 in an image, else 128. May be repeated.")
  List<String> sizes = new ArrayList<>();

  @Option(
      names = {"-T", "--threads"},
      paramLabel = "T",
      description = "Threads that both models are timed with (default: 2).")
  int threads = Math.min(2, Runtime.getRuntime().availableProcessors());

  @Option(
      names = "--library",
      paramLabel = "FILE.so",
      description = "Also put the library here that ONNX Runtime needs for the operator.")
  @Nullable Path library;

  @Option(
      names = "--report",
      paramLabel = "FILE.json",
      description = "Also write a report for programs; docs/sparsify.md is its schema.")
  @Nullable Path report;

  @Option(names = "--force", description = "Replace existing outputs.")
  boolean force;

  @Override
  public Integer call() throws IOException {
    Path input = Objects.requireNonNull(model);
    Path target = Objects.requireNonNull(output);
    PruneCommand.checkThreads(threads);
    Sparsifier.Choice choice = SparsifyChoice.of(plan, batch, format, anyMachine);
    Map<String, long[]> shapes = ShrinkOptions.shapes(sizes);
    checkTargets(input, target);
    Sparsifier sparsifier = Models.input(input, file -> Sparsifier.open(file, shapes));
    Sparsified made = sparsifier.rewrite(choice);
    SparsifyText text = new SparsifyText(made, width());
    if (made.rows().isEmpty()) {
      text.leftAlone(verbose).forEach(this::print);
      throw new InvalidPlanException(input + ": no layer is to be compressed; nothing was written");
    }
    text.layers().forEach(this::tell);
    text.leftAlone(verbose).forEach(this::tell);
    byte[] dense = sparsifier.dense();
    byte[] sparse = made.model();
    Proof.Held proof = prove(input, dense, sparse, sparsifier.sizes());
    text.proof(proof).forEach(this::tell);
    Latency latency;
    try (LatencyMeter meter = LatencyMeter.open(dense, sparsifier.sizes(), threads)) {
      latency = meter.measure(sparse);
    }
    text.latency(latency, sparsifier.sizes()).forEach(this::tell);
    finish(made, proof, latency);
    text.wrote(target, dense.length, sparse.length, libraryPath()).forEach(this::print);
    SparsifyText.conclusion(latency, plan != null, "auto".equals(format), width())
        .forEach(this::print);
    return ExitStatus.OK;
  }

  private static Proof.Held prove(
      Path input, byte[] dense, byte[] sparse, Map<String, long[]> sizes) throws IOException {
    Proof proof = Proof.of(dense, sparse, sizes);
    if (proof instanceof Proof.Held held) {
      return held;
    }
    if (proof instanceof Proof.NotRun not) {
      throw new Failure.Refusal(
          ExitStatus.UNAVAILABLE,
          input
              + ": the proof cannot be run, so nothing was written: "
              + not.why()
              + "; --size names other shapes of inputs");
    }
    throw new Failure.Refusal(
        ExitStatus.INTERNAL,
        input
            + ": the proof failed, so nothing was written; please report it: "
            + ((Proof.Failed) proof).what());
  }

  private void finish(Sparsified made, Proof.Held proof, Latency latency) throws IOException {
    Path input = Objects.requireNonNull(model);
    if (library != null) {
      FileTarget.write(library, OrtLibrary.content(), force, inputs());
    }
    made.write(Objects.requireNonNull(output), force);
    if (report != null) {
      byte[] json = SparsifyJson.of(input, made, proof, latency);
      FileTarget.write(report, json, force, inputs());
    }
  }

  /** Gives what no output may replace. */
  private List<Path> inputs() {
    return Stream.of(model, plan).filter(Objects::nonNull).toList();
  }

  private Path libraryPath() {
    return library == null ? OrtLibrary.path() : library;
  }

  /** Refuses, before any work, what could not be run or written after it. */
  private void checkTargets(Path input, Path target) throws IOException {
    List<Path> targets = new ArrayList<>(List.of(target));
    Optional.ofNullable(library).ifPresent(targets::add);
    Optional.ofNullable(report).ifPresent(targets::add);
    long different =
        targets.stream().map(path -> path.toAbsolutePath().normalize()).distinct().count();
    if (different < targets.size()) {
      throw new InvalidPlanException("two of -o, --library and --report name the same file");
    }
    for (Path each : targets) {
      FileTarget.begin(each, force, inputs()).close();
    }
    OrtLibrary.content();
    Optional<String> missing = OnnxRuntime.missing();
    if (missing.isPresent()) {
      throw new Failure.Refusal(
          ExitStatus.UNAVAILABLE, input + ": nothing can be proven: " + missing.get());
    }
  }
}
