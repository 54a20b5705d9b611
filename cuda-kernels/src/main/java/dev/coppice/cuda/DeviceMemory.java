package dev.coppice.cuda;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.function.ToIntFunction;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** Memory on the device. Its methods are called with the context current. */
final class DeviceMemory implements AutoCloseable {
  /** Lets out the address that JCuda keeps. */
  private static final class Address extends CUdeviceptr {
    long value() {
      return getNativePointer() + getByteOffset();
    }
  }

  private final Address address = new Address();
  private final long bytes;
  private final Handle handle;

  /**
   * Allocates.
   *
   * @throws dev.coppice.DeviceOutOfMemoryException if the device has not as much
   */
  DeviceMemory(CudaContext context, long bytes) {
    Address allocated = address;
    CudaResult.checkAllocation(JCudaDriver.cuMemAlloc(allocated, bytes), "cuMemAlloc", bytes);
    this.bytes = bytes;
    this.handle = new Handle(this, bytes + " bytes", () -> context.run(() -> release(allocated)));
  }

  private static void release(Address address) {
    CudaResult.check(JCudaDriver.cuMemFree(address), "cuMemFree");
  }

  long bytes() {
    return bytes;
  }

  /** Gives the address, for a kernel's parameters. */
  long address() {
    if (handle.isClosed()) {
      throw new IllegalStateException("device memory is used after it was closed");
    }
    return address.value();
  }

  /** Copies all of a direct buffer to the byte at {@code offset}. */
  void upload(ByteBuffer from, long offset, CUstream stream) {
    Pointer source = Pointer.to(from);
    int count = from.capacity();
    onRange(
        offset,
        count,
        "cuMemcpyHtoDAsync",
        target -> JCudaDriver.cuMemcpyHtoDAsync(target, source, count, stream));
  }

  /** Copies the first {@code count} bytes to a direct buffer; done when the stream is. */
  void download(ByteBuffer into, long count, CUstream stream) {
    Pointer target = Pointer.to(into);
    onRange(
        0,
        count,
        "cuMemcpyDtoHAsync",
        source -> JCudaDriver.cuMemcpyDtoHAsync(target, source, count, stream));
  }

  /** Sets {@code count} bytes from {@code offset} on. */
  void fill(int value, long offset, long count, CUstream stream) {
    onRange(
        offset,
        count,
        "cuMemsetD8Async",
        target -> JCudaDriver.cuMemsetD8Async(target, (byte) value, count, stream));
  }

  private void onRange(long offset, long count, String name, ToIntFunction<CUdeviceptr> call) {
    requireRange(offset, count);
    try {
      CudaResult.check(call.applyAsInt(address.withByteOffset(offset)), name);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  private void requireRange(long offset, long count) {
    if (handle.isClosed() || offset < 0 || count < 0 || count > bytes - offset) {
      throw new IllegalStateException(
          "%d bytes at %d of %d%s"
              .formatted(count, offset, bytes, handle.isClosed() ? ", which are closed" : ""));
    }
  }

  @Override
  public void close() {
    handle.close();
  }
}
