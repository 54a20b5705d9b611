package dev.coppice.cuda;

import dev.coppice.spi.Closing;
import dev.coppice.spi.Region;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import jcuda.driver.CUstream;

/**
 * One thread's way between host and device: a stream, and pinned memory in two halves, so that one
 * is filled while the other is copied. Its methods are called with the context current.
 */
final class Lane implements AutoCloseable {

  private final List<Runnable> closes;
  private final CudaStream stream;
  private final PinnedMemory memory;
  private final CudaEvent[] copied;
  private final int halfBytes;
  private int half;

  /**
   * Makes a lane.
   *
   * @throws dev.coppice.DeviceOutOfMemoryException if the system lets no more memory be pinned
   */
  static Lane open(CudaContext context, int halfBytes) {
    List<Runnable> closes = new ArrayList<>();
    boolean done = false;
    try {
      Lane lane = new Lane(context, halfBytes, closes);
      done = true;
      return lane;
    } finally {
      if (!done) {
        Closing.all(closes);
      }
    }
  }

  private Lane(CudaContext context, int halfBytes, List<Runnable> closes) {
    this.halfBytes = halfBytes;
    this.closes = closes;
    this.stream = new CudaStream(context);
    closes.add(stream::close);
    this.memory = new PinnedMemory(context, 2 * halfBytes);
    closes.add(memory::close);
    CudaEvent first = new CudaEvent(context);
    closes.add(first::close);
    CudaEvent second = new CudaEvent(context);
    closes.add(second::close);
    this.copied = new CudaEvent[] {first, second};
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
    Closing.all(closes);
  }
}
