package dev.coppice.formats.report;

import dev.coppice.PruningReport;
import dev.coppice.PruningReport.TensorReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** What somebody who pruned a model should not miss. */
public final class Warnings {
  private static final int NAMED = 5;

  private Warnings() {}

  /** Gives a line for each thing. */
  public static List<String> of(PruningReport report) {
    List<String> warnings = new ArrayList<>();
    List<TensorReport> empty = report.tensors().stream().filter(TensorReport::isEmpty).toList();
    if (!empty.isEmpty()) {
      warnings.add(
          "%s no weight left: %s"
              .formatted(
                  empty.size() == 1 ? "1 tensor has" : empty.size() + " tensors have",
                  names(empty)));
    }
    List<TensorReport> nan = report.tensors().stream().filter(t -> t.nans() > 0).toList();
    if (!nan.isEmpty()) {
      long nans = nan.stream().mapToLong(TensorReport::nans).sum();
      warnings.add(
          String.format(Locale.ROOT, "%,d NaN weights were kept, in: %s", nans, names(nan)));
    }
    List<TensorReport> flat =
        report.tensors().stream().filter(t -> t.tensor().shape().rank() < 2).toList();
    if (!flat.isEmpty()) {
      warnings.add(
          "an include takes tensors of rank 1, which are biases and norms as a rule: "
              + names(flat)
              + "; exclude them unless you mean it");
    }
    return List.copyOf(warnings);
  }

  private static String names(List<TensorReport> tensors) {
    String named =
        tensors.stream().limit(NAMED).map(t -> t.tensor().name()).collect(Collectors.joining(", "));
    int more = tensors.size() - NAMED;
    return more > 0 ? named + " and " + more + " more" : named;
  }
}
