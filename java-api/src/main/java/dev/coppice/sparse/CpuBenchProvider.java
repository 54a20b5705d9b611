package dev.coppice.sparse;

import dev.coppice.spi.LinearBench;
import dev.coppice.spi.LinearBenchProvider;
import java.nio.file.Path;
import java.util.Optional;

/** Measures on the processor, by the clock of Java. */
public final class CpuBenchProvider implements LinearBenchProvider {
  @Override
  public Optional<LinearBench> open(Device device) {
    return device instanceof Device.Cpu cpu
        ? Optional.of(new CpuBench(cpu, Path.of("/")))
        : Optional.empty();
  }
}
