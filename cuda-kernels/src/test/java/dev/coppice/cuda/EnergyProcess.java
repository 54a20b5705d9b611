package dev.coppice.cuda;

import dev.coppice.sparse.Device;
import dev.coppice.spi.LinearBench;

/** What {@link EnergyProcessTest} runs in a process of its own: prints what the counter says. */
final class EnergyProcess {
  private EnergyProcess() {}

  public static void main(String[] arguments) {
    Device device = Device.cuda(0);
    try (LinearBench bench = new LinearCudaBenchProvider().open(device).orElseThrow()) {
      System.out.println("joules: " + bench.joules());
    }
  }
}
