package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Counts what docs/prunable.md says, row by row. */
class PrunableShareTest {
  private static final Path PAGE = Path.of("../docs/prunable.md");

  @TempDir static Path folder;

  /** Writes the row of a model: its first and last column are the page's own. */
  private static String row(Shrinker shrinker) {
    Costs costs = shrinker.costs();
    double dense = costs.total(Metric.MACS);
    double share = costs.cuttable(Metric.MACS) / dense;
    for (Group group : shrinker.groups()) {
      List<Integer> gone = new ArrayList<>();
      group.units().forEach(unit -> gone.add(unit.classId()));
      costs.remove(gone.subList(1, gone.size()));
    }
    return String.format(
        Locale.ROOT,
        "| %.1f M | %.2f %% | %.2f %% | %d | %d | %s |",
        dense / 1e6,
        100 * share,
        100 * costs.total(Metric.MACS) / dense,
        shrinker.groups().size(),
        shrinker.blocks().size(),
        reasons(shrinker));
  }

  private static String reasons(Shrinker shrinker) {
    Map<String, Integer> reasons = new TreeMap<>();
    shrinker.frozen().forEach(frozen -> reasons.merge(frozen.reason(), 1, Integer::sum));
    List<String> counted = new ArrayList<>();
    reasons.forEach((reason, count) -> counted.add(count + ": " + reason));
    return counted.isEmpty() ? "none" : String.join("; ", counted);
  }

  @ParameterizedTest
  @EnumSource
  void theTableSaysWhatIsCounted(RealModel model) throws IOException {
    assumeThat(PAGE).exists();
    String row = row(Shrinker.open(model.file(folder), Map.of()));
    assertThat(Files.readString(PAGE)).as(model.name()).contains(row);
    assertThat(row).as("all multiplications are in layers that can shrink").contains("100.00 %");
  }
}
