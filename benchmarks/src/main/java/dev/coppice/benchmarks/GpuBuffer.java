package dev.coppice.benchmarks;

import dev.coppice.DType;
import java.nio.ByteBuffer;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** Memory on the device that belongs to a benchmark. */
final class GpuBuffer implements AutoCloseable {
  private static final int CHUNK_BYTES = 128 << 20;

  /** Lets out the address that JCuda keeps. */
  private static final class Address extends CUdeviceptr {
    long value() {
      return getNativePointer() + getByteOffset();
    }
  }

  private final Address address = new Address();
  private final long bytes;

  GpuBuffer(long bytes) {
    this.bytes = bytes;
    GpuDevice.check("cuMemAlloc", JCudaDriver.cuMemAlloc(address, bytes));
  }

  long bytes() {
    return bytes;
  }

  long address() {
    return address.value();
  }

  /** Fills it with weights of that kind, made on the host; done on return. */
  void fill(Input input, DType dtype) {
    int chunk = (int) Math.min(CHUNK_BYTES, bytes);
    ByteBuffer host = Passes.direct(chunk);
    for (long at = 0; at < bytes; at += chunk) {
      input.fill(host, dtype, (at / chunk) << 32);
      GpuDevice.check(
          "cuMemcpyHtoD",
          JCudaDriver.cuMemcpyHtoD(
              address.withByteOffset(at), Pointer.to(host), Math.min(chunk, bytes - at)));
    }
  }

  /** Copies all of {@code other}, which is as long, in the stream's order. */
  void copy(GpuBuffer other, CUstream stream) {
    GpuDevice.check(
        "cuMemcpyDtoDAsync", JCudaDriver.cuMemcpyDtoDAsync(address, other.address, bytes, stream));
  }

  /** Writes every byte, in the stream's order. */
  void write(CUstream stream) {
    GpuDevice.check(
        "cuMemsetD32Async", JCudaDriver.cuMemsetD32Async(address, 0x5A5A5A5A, bytes / 4, stream));
  }

  @Override
  public void close() {
    GpuDevice.check("cuMemFree", JCudaDriver.cuMemFree(address));
  }
}
