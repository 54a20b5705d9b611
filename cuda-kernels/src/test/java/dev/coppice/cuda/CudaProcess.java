package dev.coppice.cuda;

import dev.coppice.spi.Availability;

/** What {@link CudaProcessTest} runs in a process of its own: prints the availability. */
final class CudaProcess {
  private CudaProcess() {}

  public static void main(String[] arguments) {
    String before = System.getProperty("java.io.tmpdir");
    Availability availability = new CudaProvider().availability();
    System.out.println(availability);
    System.out.println("restored: " + System.getProperty("java.io.tmpdir").equals(before));
  }
}
