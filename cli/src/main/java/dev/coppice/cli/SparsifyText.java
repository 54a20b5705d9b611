package dev.coppice.cli;

import dev.coppice.cli.TextTable.Kind;
import dev.coppice.evaluation.Latency;
import dev.coppice.evaluation.Proof;
import dev.coppice.graph.LinearLayer;
import dev.coppice.graph.Sparsified;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Collectors;

/** What the command sparsify shows. */
final class SparsifyText {
  private static final int NAMED = 3;

  private final Sparsified made;
  private final OptionalInt width;

  SparsifyText(Sparsified made, OptionalInt width) {
    this.made = made;
    this.width = width;
  }

  /** Lists the layers that are compressed. */
  List<String> layers() {
    TextTable table =
        new TextTable()
            .column("node", Kind.NAME)
            .column("shape", Kind.WORD)
            .column("zeros", Kind.NUMBER)
            .column("format", Kind.WORD)
            .column("bytes", Kind.NUMBER)
            .column("now", Kind.NUMBER);
    for (Sparsified.Row row : made.rows()) {
      LinearLayer layer = row.layer();
      int more = layer.nodes().size() - 1;
      table.row(
          List.of(
              Figures.printable(layer.nodes().get(0)) + (more > 0 ? " and " + more + " more" : ""),
              layer.out() + "x" + layer.in(),
              Figures.percent(layer.zeros(), layer.out() * layer.in()),
              row.format().title(),
              Figures.bytes(layer.bytes()),
              Figures.bytes(row.bytes())));
    }
    List<String> lines = new ArrayList<>(table.lines(width));
    lines.add("");
    return lines;
  }

  /** Lists the products by constant weights that stay, those with the same reason together. */
  List<String> leftAlone(boolean all) {
    Map<String, List<String>> reasons = new LinkedHashMap<>();
    for (Sparsified.LeftAlone left : made.leftAlone()) {
      reasons
          .computeIfAbsent(left.reason(), reason -> new ArrayList<>())
          .add(Figures.printable(left.node()));
    }
    List<String> lines = new ArrayList<>();
    reasons.forEach(
        (reason, nodes) -> {
          int named = all ? nodes.size() : Math.min(NAMED, nodes.size());
          String names = String.join(", ", nodes.subList(0, named));
          lines.addAll(
              Figures.wrapped(
                  "left alone: %s%s: %s"
                      .formatted(
                          names,
                          nodes.size() > named ? " and " + (nodes.size() - named) + " more" : "",
                          Figures.printable(reason)),
                  width));
        });
    return lines;
  }

  List<String> proof(Proof.Held held) {
    return Figures.wrapped(
        String.format(
            Locale.ROOT,
            "proof: in %s of both models their outputs were within %.1e of the largest number, %.1e"
                + " is allowed",
            Figures.counted(held.runs(), "run"),
            held.furthest(),
            held.tolerance()),
        width);
  }

  List<String> latency(Latency latency, Map<String, long[]> sizes) {
    return Figures.wrapped(
        String.format(
            Locale.ROOT,
            "latency: %.3f -> %.3f ms, %.2f times as fast: medians of %d pairs in turn and of their"
                + " ratios; %s, half of the runs within %.3f-%.3f and %.3f-%.3f ms; inputs %s",
            1e3 * latency.dense().median(),
            1e3 * latency.small().median(),
            1 / latency.ratio(),
            latency.pairs(),
            Figures.counted(latency.threads(), "thread"),
            1e3 * latency.dense().low(),
            1e3 * latency.dense().high(),
            1e3 * latency.small().low(),
            1e3 * latency.small().high(),
            inputs(sizes)),
        width);
  }

  private static String inputs(Map<String, long[]> sizes) {
    return sizes.entrySet().stream()
        .map(input -> Figures.printable(input.getKey()) + " " + AdviseText.shape(input.getValue()))
        .collect(Collectors.joining(", "));
  }

  List<String> wrote(Path output, long before, long after, Path library) {
    return List.of(
        "wrote %s, %s instead of %s"
            .formatted(
                Figures.printable(output.toString()), Figures.bytes(after), Figures.bytes(before)),
        "ONNX Runtime needs the library " + Figures.printable(library.toString()));
  }

  /** Says plainly what was gained. */
  static List<String> conclusion(
      Latency latency, boolean planned, boolean byBytes, OptionalInt width) {
    String said;
    if (Verdict.isFaster(latency)) {
      said = "It is faster here, with these inputs";
    } else if (latency.ratio() < 1 || !Verdict.isApart(latency)) {
      said =
          "It is hardly faster here with these inputs, if at all: that is no gain beyond how much"
              + " runs vary; keep the dense model, unless size is what counts";
    } else {
      said =
          "It is not faster: the dense model took less time here with these inputs; keep that, unless"
              + " size is what counts";
    }
    if (!planned) {
      said +=
          (byBytes ? "; formats were chosen by bytes, and" : ";")
              + " no layer was measured by itself: coppice bench model and --plan do that, and leave"
              + " those dense that lose";
    }
    return Figures.wrapped(said + ".", width);
  }
}
