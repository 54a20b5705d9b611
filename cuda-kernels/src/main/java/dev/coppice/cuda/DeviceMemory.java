package dev.coppice.cuda;

import java.lang.ref.Reference;
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
   * Allocates, in the order of {@code stream}.
   *
   * @throws dev.coppice.DeviceOutOfMemoryException if the device has not as much
   */
  DeviceMemory(CudaContext context, long bytes, CudaStream stream) {
    Address allocated = address;
    CudaResult.allocate(
        "cuMemAllocAsync",
        bytes,
        () -> JCudaDriver.cuMemAllocAsync(allocated, bytes, stream.stream()));
    this.bytes = bytes;
    this.handle =
        new Handle(
            this, bytes + " bytes", () -> context.run(() -> release(allocated, stream.stream())));
  }

  private static void release(Address address, CUstream stream) {
    CudaResult.run("cuMemFreeAsync", () -> JCudaDriver.cuMemFreeAsync(address, stream));
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

  /** Copies {@code count} bytes to the byte at {@code offset}; done when the stream is. */
  void upload(Pointer source, long offset, long count, CUstream stream) {
    onRange(
        offset,
        count,
        "cuMemcpyHtoDAsync",
        target -> JCudaDriver.cuMemcpyHtoDAsync(target, source, count, stream));
  }

  /** Copies {@code count} bytes from the byte at {@code offset}; done when the stream is. */
  void download(Pointer target, long offset, long count, CUstream stream) {
    onRange(
        offset,
        count,
        "cuMemcpyDtoHAsync",
        source -> JCudaDriver.cuMemcpyDtoHAsync(target, source, count, stream));
  }

  /** Copies all of it to other memory of the same size; done when the stream is. */
  void copyTo(DeviceMemory other, CUstream stream) {
    other.onRange(
        0,
        bytes,
        "cuMemcpyDtoDAsync",
        target -> JCudaDriver.cuMemcpyDtoDAsync(target, address, bytes, stream));
  }

  /** Sets {@code count} bytes from {@code offset} on to zero. */
  void clear(long offset, long count, CUstream stream) {
    onRange(
        offset,
        count,
        "cuMemsetD8Async",
        target -> JCudaDriver.cuMemsetD8Async(target, (byte) 0, count, stream));
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
