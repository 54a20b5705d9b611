package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.coppice.DType;
import dev.coppice.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CpuBenchTest {
  @TempDir Path root;

  private void file(String name, String text) throws IOException {
    Path file = root.resolve(name);
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
  }

  private CpuBench bench() {
    return new CpuBench(new Device.Cpu(3), root);
  }

  @Test
  void aProcessorIsCalledByItsNameAndItsWidestVectors() throws IOException {
    file(
        "proc/cpuinfo",
        """
        processor\t: 0
        model name\t: Some CPU @ 2 GHz
        flags\t\t: fpu avx2 avx512f fma

        processor\t: 1
        model name\t: Other
        """);
    assertThat(bench().description())
        .isEqualTo(
            "Some CPU @ 2 GHz, AVX-512, 3 of %d threads"
                .formatted(Runtime.getRuntime().availableProcessors()));
    file("proc/cpuinfo", "processor : 0\nFeatures : fp asimd\n");
    assertThat(bench().description()).contains(", NEON, 3 of ");
  }

  @Test
  void whatTheSystemDoesNotTellHasAUsualValue() {
    assertThat(bench().description()).startsWith(System.getProperty("os.arch"));
    assertThat(bench().cacheBytes()).isEqualTo(32 << 20);
    assertThat(bench().freeBytes()).isEqualTo(Runtime.getRuntime().maxMemory());
    assertThat(bench().joules()).isEmpty();
    assertThat(bench().stream()).isEmpty();
  }

  @Test
  void theLargestCacheCountsAndTheMemoryThatIsAvailable() throws IOException {
    String caches = "sys/devices/system/cpu/cpu0/cache/";
    file(caches + "index0/size", "48K\n");
    file(caches + "index3/size", "36M\n");
    file(caches + "index2/size", "nonsense\n");
    file("proc/meminfo", "MemTotal:  99 kB\nMemAvailable:   2048 kB\n");
    assertThat(bench().cacheBytes()).isEqualTo(36 << 20);
    assertThat(bench().freeBytes()).isEqualTo(2048 << 10);
  }

  @Test
  void energyOfAllPackagesAddsUpAndMayWrapAround() throws IOException {
    for (int i = 0; i < 2; i++) {
      String zone = "sys/class/powercap/intel-rapl:" + i + "/";
      file(zone + "name", "package-" + i + "\n");
      file(zone + "max_energy_range_uj", "262143328850\n");
      file(zone + "energy_uj", "262143000000\n");
    }
    file("sys/class/powercap/intel-rapl:0:0/name", "core\n");
    file("sys/class/powercap/intel-rapl:0:0/energy_uj", "5\n");
    CpuBench bench = bench();
    assertThat(bench.joules()).isEqualTo(OptionalDouble.of(0));
    file("sys/class/powercap/intel-rapl:0:0/energy_uj", "999999999\n");
    file("sys/class/powercap/intel-rapl:0/energy_uj", "262143100000\n");
    assertThat(bench.joules().orElseThrow()).isCloseTo(0.1, within(1e-9));
    file("sys/class/powercap/intel-rapl:1/energy_uj", "71150\n");
    assertThat(bench.joules().orElseThrow()).isCloseTo(0.5, within(1e-9));
  }

  @Test
  void operandsAreCopied() {
    Tensor host = LayerCase.numbers(new Random(1), DType.BF16, 3, 5);
    Tensor here = bench().copyOf(host);
    assertThat(here.overlaps(host)).isFalse();
    Tensor back = LayerCase.empty(DType.BF16, 3, 5);
    bench().copyTo(here, back);
    assertThat(LayerCase.bytes(back)).isEqualTo(LayerCase.bytes(host));
    assertThat(bench().seconds(() -> {})).isBetween(0.0, 1.0);
  }
}
