package dev.coppice.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * Makes results.json and results.md of the rows that a run has left. Arguments: the rows' file and
 * the folder for both.
 */
public final class GpuReport {
  private GpuReport() {}

  /** Writes both files. */
  public static void main(String[] args) throws IOException {
    List<RowFile.Entry> entries = new RowFile(Path.of(args[0])).read();
    Path folder = Path.of(args[1]);
    Results results = results(entries);
    results.writeJson(folder.resolve("results.json"));
    Files.writeString(folder.resolve("results.md"), results.toMarkdown());
  }

  static Results results(List<RowFile.Entry> entries) throws IOException {
    Map<String, Object> machine = new LinkedHashMap<>();
    entries.stream()
        .filter(e -> e.table().equals("machine"))
        .forEach(e -> machine.putAll(e.fields()));
    machine.putAll(Machine.here().describe());
    Results results = new Results(machine);
    GpuTargets.add(results, entries);
    for (RowFile.Entry entry : entries) {
      if (!entry.table().equals("machine")) {
        Results.Row row = results.add(entry.table());
        entry.fields().forEach(row::with);
        fastestDense(entries, entry).ifPresent(ms -> row.with("speedup", ms / millis(entry)));
      }
    }
    return results;
  }

  /**
   * Gives the milliseconds of the fastest dense product of the same layer and batch as a row of
   * products, whatever library it is of: ours, or PyTorch's in the table "torch_linear".
   */
  private static OptionalDouble fastestDense(List<RowFile.Entry> entries, RowFile.Entry product) {
    if (!product.table().equals("linear")) {
      return OptionalDouble.empty();
    }
    return entries.stream()
        .filter(
            e ->
                e.table().equals("torch_linear")
                    || (e.table().equals("linear") && "dense".equals(e.fields().get("format"))))
        .filter(
            e ->
                List.of("shape", "dtype", "batch").stream()
                    .allMatch(f -> Objects.equals(e.fields().get(f), product.fields().get(f))))
        .mapToDouble(GpuReport::millis)
        .min();
  }

  private static double millis(RowFile.Entry product) {
    return product.fields().get("median_ms") instanceof Number n ? n.doubleValue() : Double.NaN;
  }
}
