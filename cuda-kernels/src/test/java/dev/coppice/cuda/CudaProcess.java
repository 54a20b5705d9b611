package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.DeviceException;
import dev.coppice.Tensor;
import dev.coppice.spi.Availability;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;

/** What {@link CudaProcessTest} runs in a process of its own: prints the availability. */
final class CudaProcess {
  private CudaProcess() {}

  /** Not loaded where JCuda is not. */
  private static final class WithJCuda {
    static Tensor tensor() {
      Pointer pointer = new CUdeviceptr().withByteOffset(4096);
      return CudaTensors.of(DType.F32, 0, pointer, 8);
    }
  }

  public static void main(String[] arguments) {
    String before = System.getProperty("java.io.tmpdir");
    CudaProvider provider = new CudaProvider();
    Availability availability = provider.availability();
    System.out.println(availability);
    if (availability instanceof Availability.Usable) {
      try {
        provider.create(0).close();
      } catch (DeviceException e) {
        System.out.println(e.getMessage());
      }
      System.out.println("tensor at " + WithJCuda.tensor().onDevice());
    }
    System.out.println("restored: " + System.getProperty("java.io.tmpdir").equals(before));
  }
}
