package dev.coppice.cli;

import dev.coppice.InvalidPlanException;
import dev.coppice.Selection.LeftAlone;
import dev.coppice.formats.files.FileTarget;
import dev.coppice.formats.report.JsonReport;
import dev.coppice.formats.safetensors.Compression;
import dev.coppice.sparse.Format;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
    name = "compress",
    header = "Store a pruned model without its zeros: a smaller file.%n",
    sortOptions = false,
    description = {
      "Writes a safetensors file in which pruned weights are stored without their zeros, as 2:4,"
          + " bitmap or CSR: for each tensor the format that takes least, and as they are where none"
          + " takes less.",
      "",
      "Nothing is lost: coppice decompress gives the same file back, byte for byte (one file with"
          + " the same tensors, if the model was in shards). docs/compressed.md says how other tools"
          + " read it.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  coppice prune model.safetensors -o pruned.safetensors --sparsity 0.7",
      "  coppice compress pruned.safetensors -o small.safetensors",
      "  coppice compress pruned/ -o small.safetensors --format 2:4 --include '*.mlp.*'"
    })
final class CompressCommand extends SafetensorsCommand {
  private static final String AUTO = "auto";

  static final class Formats extends PlanOptions.Words {
    private static final long serialVersionUID = 1;

    Formats() {
      super(AUTO, "2:4", "bitmap", "csr");
    }
  }

  @Parameters(
      paramLabel = "MODEL",
      description = "A safetensors file or index, or a folder with one of them.")
  @Nullable Path model;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      completionCandidates = Formats.class,
      description =
          "auto (default): for each tensor what takes least. Or 2:4, bitmap, csr: that one, where it"
              + " holds the tensor and takes less.")
  String format = AUTO;

  @Option(
      names = "--include",
      paramLabel = "GLOB",
      description =
          "Compress tensors whose whole name matches (* ? {a,b}), and copy the others. May be"
              + " repeated (default: all).")
  List<String> include = List.of();

  @Option(
      names = "--report",
      paramLabel = "FILE.json",
      description = "Also write a report for programs; docs/compressed.md is its schema.")
  @Nullable Path report;

  @Override
  public Integer call() throws IOException {
    Path input = Objects.requireNonNull(model);
    Compression.Request request = request();
    Path target = target();
    if (report != null && whole(report).equals(whole(target))) {
      throw new InvalidPlanException("--report and -o name the same file");
    }
    try (Checkpoint checkpoint = Models.openStored(input);
        ProgressBar bar = progressBar()) {
      if (report != null) {
        JsonReport.check(report, force, checkpoint.inputs());
      }
      List<Compression.Stored> stored =
          Compression.compress(checkpoint, request, target, force, execution(bar));
      bar.clear();
      CompressResult result =
          new CompressResult(
              input, checkpoint.bytes(), target, Files.size(target), seconds(), stored);
      if (report != null) {
        FileTarget.write(report, result.json(), force, checkpoint.inputs());
      }
      text(result);
    }
    return ExitStatus.OK;
  }

  private Compression.Request request() {
    if (!new Formats().contains(format)) {
      throw new InvalidPlanException(
          "--format must be auto, 2:4, bitmap or csr, not \"" + format + "\"");
    }
    return new Compression.Request(
        format.equals(AUTO) ? Optional.empty() : Optional.of(Format.named(format)), include);
  }

  private static Path whole(Path path) {
    return path.toAbsolutePath().normalize();
  }

  private void text(CompressResult result) {
    if (verbose) {
      result.tensorTable().lines(width()).forEach(this::print);
      print("");
    }
    result.formatTable().lines(width()).forEach(this::print);
    List<LeftAlone> copied =
        result.stored().stream()
            .filter(s -> s.reason().isPresent())
            .map(s -> new LeftAlone(s.tensor(), s.reason().get()))
            .toList();
    if (!copied.isEmpty()) {
      print("");
      print("Copied as they are, " + Figures.counted(copied.size(), "tensor") + ":");
      LeftAloneText.lines(copied, width(), verbose).forEach(this::print);
    }
    print("");
    wrote(
        "%s instead of %s (%s)"
            .formatted(
                Figures.bytes(result.bytesAfter()),
                Figures.bytes(result.bytesBefore()),
                Figures.percent(result.bytesAfter(), result.bytesBefore())),
        result.seconds());
  }
}
