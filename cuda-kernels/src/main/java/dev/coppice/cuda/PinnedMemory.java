package dev.coppice.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/**
 * Host memory that the device copies from and to while the host goes on. Made and closed with the
 * context current.
 */
final class PinnedMemory implements AutoCloseable {
  private final Pointer pointer = new Pointer();
  private final ByteBuffer bytes;
  private final Handle handle;

  /**
   * Allocates.
   *
   * @throws dev.coppice.DeviceOutOfMemoryException if the system lets no more memory be pinned
   */
  PinnedMemory(CudaContext context, int size) {
    Pointer allocated = pointer;
    CudaResult.allocate(
        "cuMemHostAlloc", size, () -> JCudaDriver.cuMemHostAlloc(allocated, size, 0));
    this.handle =
        new Handle(
            this, size + " bytes of pinned memory", () -> context.run(() -> release(allocated)));
    this.bytes = pointer.getByteBuffer(0, size).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void release(Pointer pointer) {
    CudaResult.run("cuMemFreeHost", () -> JCudaDriver.cuMemFreeHost(pointer));
  }

  /** Gives the memory from {@code first} on as a buffer of {@code size} bytes. */
  ByteBuffer slice(int first, int size) {
    return bytes.slice(first, size).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Gives the address of the byte at {@code first}, for a copy. */
  Pointer at(int first) {
    if (handle.isClosed()) {
      throw new IllegalStateException("pinned memory is used after it was closed");
    }
    return pointer.withByteOffset(first);
  }

  int size() {
    return bytes.capacity();
  }

  @Override
  public void close() {
    handle.close();
  }
}
