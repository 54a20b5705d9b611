package dev.coppice.cuda;

import dev.coppice.spi.Region;
import java.io.IOException;
import java.nio.ByteBuffer;
import jcuda.driver.CUstream;

/**
 * One thread's way between host and device: a stream, and pinned memory in two halves, so that one
 * is filled while the other is copied. Its methods are called with the context current.
 */
final class Lane implements AutoCloseable {

  private final CudaStream stream;
  private final PinnedMemory memory;
  private final CudaEvent[] copied;
  private final int halfBytes;
  private int half;

  Lane(CudaContext context, int halfBytes) {
    this.halfBytes = halfBytes;
    this.stream = new CudaStream(context);
    try {
      this.memory = new PinnedMemory(context, 2 * halfBytes);
    } catch (RuntimeException e) {
      try (stream) {
        throw e;
      }
    }
    try {
      this.copied = new CudaEvent[] {new CudaEvent(context), new CudaEvent(context)};
    } catch (RuntimeException e) {
      try (stream;
          memory) {
        throw e;
      }
    }
  }

  /**
   * Brings a region to the device; what is put into {@code compute} afterwards waits for it.
   *
   * @param before what the copy waits for
   */
  void upload(Region region, DeviceMemory to, long offset, CudaEvent before, CUstream compute)
      throws IOException {
    half = 1 - half;
    copied[half].await();
    int bytes = region.bytes();
    region.load(buffer(bytes));
    before.holdUp(stream.stream());
    to.upload(memory.at(half * halfBytes), offset, bytes, stream.stream());
    copied[half].record(stream.stream());
    copied[half].holdUp(compute);
  }

  /** Brings a region back from the device as it is at the point {@code after}. */
  void download(Region region, DeviceMemory from, long offset, CudaEvent after) throws IOException {
    half = 1 - half;
    copied[half].await();
    int bytes = region.bytes();
    after.holdUp(stream.stream());
    from.download(memory.at(half * halfBytes), offset, bytes, stream.stream());
    stream.await();
    region.store(buffer(bytes));
  }

  private ByteBuffer buffer(int bytes) {
    return memory.slice(half * halfBytes, bytes);
  }

  @Override
  public void close() {
    CudaEvent first = copied[0];
    CudaEvent second = copied[1];
    try (stream;
        memory;
        first;
        second) {
      half = 0; // All four are closed even if one of them fails to be.
    }
  }
}
