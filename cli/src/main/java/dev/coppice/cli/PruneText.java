package dev.coppice.cli;

import dev.coppice.Pattern;
import dev.coppice.PruningReport;
import dev.coppice.PruningReport.Seconds;
import dev.coppice.PruningReport.TensorReport;
import dev.coppice.spi.Checkpoint;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** What was pruned, as people read it. */
final class PruneText {
  private final PruningReport report;
  private final Checkpoint checkpoint;
  private final int threads;
  private final OptionalInt width;
  private final boolean all;

  PruneText(
      PruningReport report, Checkpoint checkpoint, int threads, OptionalInt width, boolean all) {
    this.report = report;
    this.checkpoint = checkpoint;
    this.threads = threads;
    this.width = width;
    this.all = all;
  }

  /** Gives the lines; without an output it was a dry run. */
  List<String> lines(Optional<Path> output) {
    List<String> lines = new ArrayList<>(table());
    if (!report.leftAlone().isEmpty()) {
      lines.add("");
      lines.add("Left alone, " + Figures.counted(report.leftAlone().size(), "tensor") + ":");
      lines.addAll(LeftAloneText.lines(report.leftAlone(), width, all));
    }
    lines.add("");
    List<String> sentences = new ArrayList<>();
    sentences.add(
        "%s %s of %s weights in %s, %s newly zero; %s of them are zero now."
            .formatted(
                output.isPresent() ? "Pruned" : "Would prune",
                Figures.count(report.pruned()),
                Figures.count(report.total()),
                Figures.counted(report.tensors().size(), "tensor"),
                Figures.count(report.newlyZero()),
                Figures.percent(report.zeros(), report.total())));
    sentences.add(timing(output));
    report.notes().forEach(note -> sentences.add("Backend " + note));
    gain().ifPresent(sentences::add);
    sentences.forEach(sentence -> lines.addAll(Figures.wrapped(sentence, width)));
    return lines;
  }

  private List<String> table() {
    boolean nodes = report.tensors().stream().anyMatch(t -> !t.tensor().node().isEmpty());
    TextTable table = new TextTable().column("tensor", TextTable.Kind.NAME);
    if (nodes) {
      table.column("node", TextTable.Kind.NAME);
    }
    table
        .column("shape", TextTable.Kind.WORD)
        .column("dtype", TextTable.Kind.WORD)
        .column("pruned", TextTable.Kind.NUMBER)
        .column("newly zero", TextTable.Kind.NUMBER)
        .column("total", TextTable.Kind.NUMBER)
        .column("sparsity", TextTable.Kind.NUMBER);
    for (TensorReport tensor : report.tensors()) {
      List<String> cells = new ArrayList<>();
      cells.add(Figures.printable(tensor.tensor().name()));
      if (nodes) {
        cells.add(Figures.printable(tensor.tensor().node()));
      }
      cells.add(tensor.tensor().shape().toString());
      cells.add(tensor.tensor().type());
      cells.add(Figures.count(tensor.pruned()));
      cells.add(Figures.count(tensor.newlyZero()));
      cells.add(Figures.count(tensor.total()));
      cells.add(Figures.percent(tensor.zeros(), tensor.total()));
      table.row(cells);
    }
    return table.lines(width);
  }

  private String timing(Optional<Path> output) {
    Seconds seconds = report.seconds();
    return "%s %s in %s (%s) on %s, %s: reading %s, pruning %s%s."
        .formatted(
            output.isPresent()
                ? "Wrote " + Figures.printable(output.get().toString()) + ","
                : "Read",
            Figures.bytes(report.bytes()),
            Figures.seconds(seconds.total()),
            Figures.gigabytes(report.gigabytesPerSecond()),
            report.backend(),
            Figures.counted(threads, "thread"),
            Figures.seconds(seconds.read()),
            Figures.seconds(seconds.prune()),
            output.isPresent() ? ", writing " + Figures.seconds(seconds.write()) : "");
  }

  /** Says what the zeros are good for, so that nobody expects what they do not bring. */
  private Optional<String> gain() {
    if (report.newlyZero() == 0) {
      return Optional.empty();
    }
    boolean unstructured =
        report.plan().rules().stream().anyMatch(r -> r.pattern() instanceof Pattern.Unstructured);
    String runtime = checkpoint.format().equals("onnx") ? "ONNX Runtime" : "a dense runtime";
    return Optional.of(
        unstructured
            ? "Unstructured zeros alone make "
                + runtime
                + " no faster and the file no smaller: compress it (zstd, gzip), or use"
                + " --pattern 2:4 where hardware and runtime have sparse kernels."
            : "N:M zeros are faster only where hardware and runtime have sparse kernels for them;"
                + " elsewhere they gain a file that compresses better.");
  }
}
