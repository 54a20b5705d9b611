package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.formats.plan.JsonPlan;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearPlan;
import dev.coppice.sparse.LinearPlan.Row;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Measuring on a device: the emulated one, with stand-ins for NVIDIA's libraries. */
class BenchOnDeviceTest {
  private static final Path EMULATOR =
      Path.of(System.getProperty("coppice.root", ".."), "cuda-kernels/target/cuda/emulator")
          .toAbsolutePath();

  @TempDir Path folder;

  /** Skips where it was not built; {@code -Dcoppice.require=cuda} fails. */
  @BeforeEach
  void requireEmulator() {
    boolean built = Files.exists(EMULATOR.resolve("libcublas.so.12"));
    if (System.getProperty("coppice.require", "").contains("cuda")) {
      assertThat(built).as("the emulated driver is required").isTrue();
    }
    assumeTrue(built, "the emulated CUDA driver and libraries were not built");
  }

  /** Measures one layer, and gives the plan. */
  private LinearPlan measure(Map<String, String> environment, String... options) throws Exception {
    Path report = folder.resolve("plan.json");
    List<String> command =
        CommandProcess.command(
            "bench",
            "layer",
            "--device=cuda:0",
            "--shape=256x512",
            "--dtype=bf16",
            "--report",
            report);
    command.addAll(List.of(options));
    command.addAll(
        1,
        List.of(
            "-Dcoppice.cuda.emulated=true",
            "-Dcoppice.cuda.emulator=" + EMULATOR,
            "-Duser.home=" + folder));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    CommandProcess.Ended ended = CommandProcess.end(builder.start());
    assertThat(ended.status()).as(ended.output()).isZero();
    assertThat(ended.output()).contains("emulated, no GPU").contains("layer: 256x512 BF16");
    return JsonPlan.read(report);
  }

  @Test
  void ourProductsAndThoseOfNvidiasLibrariesAreMeasured() throws Exception {
    LinearPlan plan = measure(Map.of(), "--batch=1,8", "--pattern=2:4");
    assertThat(plan.device()).isEqualTo("cuda:0");
    for (long batch : new long[] {1, 8}) {
      assertThat(plan.rows().stream().filter(row -> row.batch() == batch))
          .extracting(row -> row.provider() + " " + row.format().title())
          .contains("cublas dense", "cuda 2:4", "cusparselt 2:4");
    }
    assertThat(plan.rows()).filteredOn(Row::chosen).hasSize(2);
    assertThat(plan.rows()).allMatch(row -> row.joules().orElse(0.0) > 0, "energy is counted");
  }

  @Test
  void bitmapsTakePartForFewRowsOfAPlanThatHasManyToo() throws Exception {
    LinearPlan plan = measure(Map.of(), "--batch=2,64", "--sparsity=0.8");
    assertThat(plan.rows())
        .filteredOn(row -> row.format() == Format.BITMAP && row.provider().equals("cuda"))
        .extracting(Row::batch)
        .containsExactly(2L);
    assertThat(plan.rows())
        .filteredOn(row -> row.provider().equals("cublas"))
        .extracting(Row::batch)
        .contains(2L, 64L);
  }

  @Test
  void energyIsAbsentWhereTheDeviceDoesNotCountIt() throws Exception {
    String notSupported = "nvmlDeviceGetTotalEnergyConsumption:1:3";
    LinearPlan plan =
        measure(Map.of("COPPICE_EMULATOR_FAIL", notSupported), "--batch=1", "--pattern=2:4");
    assertThat(plan.rows()).isNotEmpty().allMatch(row -> row.joules().isEmpty());
  }
}
