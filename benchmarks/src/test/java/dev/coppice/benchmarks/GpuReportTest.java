package dev.coppice.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What becomes of the rows that the bundle's steps leave. */
class GpuReportTest {
  @TempDir private Path folder;

  @Test
  void rowsOfSeveralProgramsBecomeTables() throws IOException {
    RowFile rows = new RowFile(folder.resolve("rows"));
    rows.add("machine", Map.of("device", "a device\twith a tab"));
    Files.writeString(
        rows.path(),
        Files.readString(rows.path()) + "noise\nsteps\tstep=kernels\tresult=done\tseconds=3\n");
    GpuReport.main(new String[] {rows.path().toString(), folder.toString()});
    assertThat(folder.resolve("results.md"))
        .content()
        .contains("- device: a device with a tab", "## steps", "| kernels | done | 3 |")
        .doesNotContain("noise");
    assertThat(folder.resolve("results.json")).content().contains("\"seconds\" : 3");
  }

  @Test
  void whatIsReachedIsSaidOfABillionWeights() throws IOException {
    RowFile rows = new RowFile(folder.resolve("rows"));
    device(rows, "1000000", 9.0);
    device(rows, "1000000000", 1.3);
    rows.add(
        "torch",
        Map.of("operation", "topk", "dtype", "F32", "weights", 1_000_000_000, "median_ms", 30.0));
    Results results = GpuReport.results(rows.read());
    String floor = "F32, global 50 %, a billion weights: times the floor";
    assertThat(results.find("targets", "measure", floor, "value", 1.3, "reached", "no"))
        .isPresent();
    String torch = "F32, global 50 %: times faster than torch, topk";
    assertThat(results.find("targets", "measure", torch, "value", 10.0, "reached", "yes"))
        .isPresent();
  }

  @Test
  void productsAreComparedWithTheFastestDenseOneOfTheirLayerAndBatch() throws IOException {
    RowFile rows = new RowFile(folder.resolve("rows"));
    product(rows, "linear", "cuda", "2:4", 1, 0.5);
    product(rows, "linear", "cublas", "dense", 1, 1.0);
    product(rows, "linear", "cublas", "dense", 8, 0.1);
    product(rows, "torch_linear", "torch", "dense", 1, 0.75);
    Results results = GpuReport.results(rows.read());
    assertThat(results.find("linear", "provider", "cuda", "speedup", 1.5)).isPresent();
    assertThat(results.find("linear", "provider", "cublas", "batch", 8L, "speedup", 1.0))
        .isPresent();
  }

  private static void product(
      RowFile rows, String table, String provider, String format, int batch, double ms) {
    rows.add(
        table,
        Map.of(
            "shape",
            "64x64",
            "dtype",
            "BF16",
            "provider",
            provider,
            "format",
            format,
            "batch",
            batch,
            "median_ms",
            ms));
  }

  @Test
  void nothingIsReachedOnTheEmulatedDriver() throws IOException {
    RowFile rows = new RowFile(folder.resolve("rows"));
    rows.add("machine", Map.of("emulated", "yes"));
    device(rows, "1000000000", 1.0);
    assertThat(
            GpuReport.results(rows.read())
                .find("targets", "reached", "emulated, not a measurement"))
        .isPresent();
  }

  private static void device(RowFile rows, String weights, double floor) {
    rows.add(
        "device",
        Map.of(
            "operation",
            "global 50 %",
            "dtype",
            "F32",
            "input",
            "GAUSSIAN",
            "weights",
            weights,
            "median_ms",
            3.0,
            "times_the_floor",
            floor));
  }

  @Test
  void samplesAreSortedAndTheirMedianIsBetweenTheMiddleTwo() {
    Samples samples = new Samples(new double[] {4, 1, 3, 2});
    assertThat(samples.median()).isEqualTo(2.5);
    assertThat(samples.low()).isEqualTo(1);
    assertThat(samples.high()).isEqualTo(4);
    assertThat(new Samples(new double[] {2, 9, 1}).median()).isEqualTo(2);
    assertThat(Samples.take(0, () -> 1e-9).count()).isEqualTo(10);
  }
}
