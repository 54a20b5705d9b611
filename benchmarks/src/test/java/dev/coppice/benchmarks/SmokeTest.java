package dev.coppice.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.Backends;
import dev.coppice.DType;
import dev.coppice.formats.Checkpoints;
import dev.coppice.spi.Availability;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Every benchmark runs; how fast is none of a test's business. */
class SmokeTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "MemoryBenchmark, bytes, 100000, 2",
    "PruneBenchmark, weights, 20000, 24",
    "KernelBenchmark, bytes, 1048576, 8",
    "ServerBenchmark, bytes, 8192, 2"
  })
  void everyBenchmarkRuns(String benchmark, String size, String value, int expected)
      throws RunnerException {
    boolean isNative = Backends.all().stream().anyMatch(SmokeTest::isUsableNative);
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include("\\." + benchmark + "\\.")
            .param(size, value)
            .forks(0)
            .warmupIterations(0)
            .measurementIterations(1)
            .verbosity(VerboseMode.SILENT)
            .shouldFailOnError(true);
    String who = benchmark.equals("MemoryBenchmark") ? "probe" : "backend";
    String plain = benchmark.equals("MemoryBenchmark") ? "java" : "reference";
    options.param(who, isNative ? "native" : plain);
    Collection<RunResult> results = new Runner(options.build()).run();
    assertThat(results).hasSize(expected);
    assertThat(results).allMatch(r -> r.getPrimaryResult().getScore() > 0);
  }

  private static boolean isUsableNative(Backends.Entry entry) {
    return entry.name().equals("native") && entry.availability() instanceof Availability.Usable;
  }

  /** Skips where the native kernels were not built; {@code -Dcoppice.require=native} fails. */
  @Test
  void productsOfAllFormatsAreMeasuredBesideThoseOfOtherLibraries() throws InterruptedException {
    boolean isNative = Backends.all().stream().anyMatch(SmokeTest::isUsableNative);
    if (System.getProperty("coppice.require", "").contains("native")) {
      assertThat(isNative).as("the native kernels are required").isTrue();
    }
    assumeTrue(isNative, "the native kernels were not built");
    Results results = new Results(Map.of());
    new LinearSuite(results, true).run();
    for (int batch : new int[] {1, 8, 16, 64, 128}) {
      for (String provider : List.of("OpenBLAS", "ONNX Runtime")) {
        assertMeasured(results, "dtype", "F32", "batch", batch, "provider", provider);
      }
      for (String dtype : List.of("F32", "BF16")) {
        for (String format : List.of("dense", "2:4", "bitmap", "csr")) {
          assertMeasured(results, "dtype", dtype, "batch", batch, "format", format);
        }
        assertThat(results.find("linear", "dtype", dtype, "batch", batch, "speedup", 1.0))
            .as("the fastest dense product")
            .isPresent();
      }
    }
  }

  private static void assertMeasured(Results results, Object... pairs) {
    assertThat(results.find("linear", pairs)).as(Arrays.toString(pairs)).isPresent();
    assertThat(results.find("linear", pairs).orElseThrow().number("seconds")).isPositive();
  }

  @Test
  void aCheckpointIsMadeAsItIsAskedFor() throws IOException {
    Path file = folder.resolve("model.safetensors");
    CheckpointMaker.write(file, DType.BF16, 10_000, 2, 1);
    try (Checkpoint checkpoint = Checkpoints.open(file)) {
      assertThat(checkpoint.tensors())
          .extracting(t -> t.name() + " " + t.type() + " " + t.shape())
          .containsExactly("layers.0.weight BF16 4x1024", "layers.1.weight BF16 4x1024");
    }
    assertThat(CheckpointMaker.bytes(DType.BF16, 10_000, 2)).isEqualTo(2 * 2 * 4 * 1024);
  }

  @Test
  void aProcessIsMeasured() throws Exception {
    Path log = folder.resolve("log");
    MeasuredProcess process =
        MeasuredProcess.median(3, log, Map.of("NUMBER", "2.5"), "sh", "-c", "echo prune=$NUMBER");
    assertThat(process.printed("prune")).isEqualTo(2.5);
    assertThat(process.seconds()).isPositive();
    assertThatThrownBy(() -> MeasuredProcess.run(log, Map.of(), "sh", "-c", "echo no; exit 3"))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("ended with 3: no");
  }

  @Test
  void resultsAreWrittenAsJsonAndMarkdown() throws IOException {
    Results results = new Results(Machine.here().describe());
    results.add("prune").with("rule", "2:4").with("seconds", 0.12345);
    assertThat(results.toMarkdown())
        .contains("- processor: ", "| rule | seconds |", "| 2:4 | 0.1235 |");
    Path file = folder.resolve("results.json");
    results.writeJson(file);
    assertThat(file).content().contains("\"seconds\" : 0.12345");
    assertThat(results.find("prune", "rule", "2:4")).isPresent();
    assertThat(results.find("prune", "rule", "global")).isEmpty();
  }
}
