package dev.coppice.cli;

import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

@Command(
    name = "compare",
    header = "Say how two models differ; exit 1 if they do.%n",
    sortOptions = false,
    description = {
      "Says how two models differ, tensor by tensor: elements whose bits changed, elements that"
          + " became zero, and the relative error (the L2 norm of the difference over that of A).",
      "",
      "A compressed model has the tensors of the one that was compressed.",
      "",
      "Exit status 0 if all tensors are the same to the bit, 1 if they differ.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  coppice compare model.safetensors pruned.safetensors",
      "  coppice compare a.onnx b.onnx --quiet && echo the same",
      "  coppice compare model/ pruned/ --verbose     unchanged tensors too"
    })
final class CompareCommand extends SessionCommand {
  @Parameters(index = "0", paramLabel = "A", description = "A model.")
  @Nullable Path a;

  @Parameters(index = "1", paramLabel = "B", description = "The model it is compared with.")
  @Nullable Path b;

  @Override
  public Integer call() throws IOException {
    try (Checkpoint first = Models.openStored(Objects.requireNonNull(a));
        Checkpoint second = Models.openStored(Objects.requireNonNull(b));
        ProgressBar bar = progressBar()) {
      Comparison comparison = Comparison.of(first, second, execution(bar));
      bar.clear();
      text(comparison);
      return comparison.differs() ? ExitStatus.DIFFERENT : ExitStatus.OK;
    }
  }

  private void text(Comparison comparison) {
    List<Comparison.Row> shown =
        comparison.both().stream().filter(row -> verbose || row.differs()).toList();
    if (!shown.isEmpty()) {
      table(shown).lines(width()).forEach(this::print);
      print("");
    }
    comparison.unlike().forEach(this::print);
    long different = comparison.both().stream().filter(Comparison.Row::differs).count();
    long same = comparison.both().size() - different;
    long changed = comparison.both().stream().mapToLong(r -> r.difference().changed()).sum();
    print(
        comparison.differs()
            ? "%s, %s changed in all; %s."
                .formatted(
                    Figures.counted(different, "tensor")
                        + (different == 1 ? " differs" : " differ"),
                    Figures.counted(changed, "element"),
                    Figures.counted(same, "tensor") + (same == 1 ? " is" : " are") + " the same")
            : "The same: %s.".formatted(Figures.counted(same, "tensor")));
  }

  private static TextTable table(List<Comparison.Row> rows) {
    TextTable table =
        new TextTable()
            .column("tensor", TextTable.Kind.NAME)
            .column("shape", TextTable.Kind.WORD)
            .column("dtype", TextTable.Kind.WORD)
            .column("changed", TextTable.Kind.NUMBER)
            .column("newly zero", TextTable.Kind.NUMBER)
            .column("total", TextTable.Kind.NUMBER)
            .column("error", TextTable.Kind.NUMBER);
    for (Comparison.Row row : rows) {
      TensorDifference.Result difference = row.difference();
      table.row(
          List.of(
              Figures.printable(row.tensor().name()),
              row.tensor().shape().toString(),
              row.tensor().type(),
              Figures.count(difference.changed()),
              Figures.count(difference.newlyZero()),
              Figures.count(row.tensor().shape().elements()),
              error(difference.relativeError())));
    }
    return table;
  }

  private static String error(double relative) {
    if (Double.isNaN(relative)) {
      return "-";
    }
    return Double.isInfinite(relative) ? "inf" : String.format(Locale.ROOT, "%.6f", relative);
  }
}
