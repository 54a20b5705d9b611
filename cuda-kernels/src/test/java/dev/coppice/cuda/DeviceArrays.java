package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/** Device memory as another framework owns it, in the primary context of the first device. */
final class DeviceArrays implements AutoCloseable {
  private static final class Address extends CUdeviceptr {
    long value() {
      return getNativePointer();
    }
  }

  private final CudaContext context = CudaContext.open(0);
  private final List<Address> owned = new ArrayList<>();

  /** Gives the address of a copy of these bytes. */
  long copy(ByteBuffer bytes) {
    Address address = new Address();
    context.run(
        () -> {
          CudaResult.run("cuMemAlloc", () -> JCudaDriver.cuMemAlloc(address, bytes.capacity()));
          CudaResult.run(
              "cuMemcpyHtoD",
              () -> JCudaDriver.cuMemcpyHtoD(address, Pointer.to(bytes), bytes.capacity()));
        });
    owned.add(address);
    return address.value();
  }

  /** Gives a tensor on the device with a copy of these bytes. */
  Tensor tensor(DType dtype, ByteBuffer bytes, long... shape) {
    return Tensor.ofDevice(dtype, 0, copy(bytes), this, shape);
  }

  /** Gives the bytes at an address. */
  ByteBuffer read(long address, int count) {
    ByteBuffer bytes = ByteBuffer.allocateDirect(count).order(ByteOrder.LITTLE_ENDIAN);
    CUdeviceptr from = new CUdeviceptr().withByteOffset(address);
    context.run(
        () ->
            CudaResult.run(
                "cuMemcpyDtoH", () -> JCudaDriver.cuMemcpyDtoH(Pointer.to(bytes), from, count)));
    return bytes;
  }

  @Override
  public void close() {
    context.run(
        () -> owned.forEach(a -> CudaResult.run("cuMemFree", () -> JCudaDriver.cuMemFree(a))));
    context.close();
  }
}
