package dev.coppice.cuda;

import dev.coppice.DeviceOutOfMemoryException;
import dev.coppice.spi.Closing;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import jcuda.driver.CUresult;

/**
 * Device memory that calls borrow: what they give back is kept for the next one, up to a bound. The
 * driver's own pools give memory back at each synchronisation, and JCuda cannot tell them not to.
 * Safe for use by several threads; its methods are called with the context current.
 */
final class DeviceArena implements AutoCloseable {
  /** Sizes are rounded up to this: the alignment that CUDA promises. */
  static final int GRAIN = 256;

  private final CudaContext context;
  private final CudaStream stream;
  private final Settings settings;

  private final List<DeviceMemory> idle = new ArrayList<>();

  private long idleBytes;
  private long lentBytes;
  private boolean closed;

  DeviceArena(CudaContext context, Settings settings) {
    this.context = context;
    this.settings = settings;
    this.stream = new CudaStream(context);
  }

  /** Rounds a size up to what addresses are aligned to. */
  static long rounded(long bytes) {
    return (bytes + GRAIN - 1) / GRAIN * GRAIN;
  }

  /**
   * Lends at least {@code bytes}, with left-over contents, ready for use in any stream.
   *
   * @throws DeviceOutOfMemoryException if the device has not as much even after what is idle was
   *     given back, or the limit forbids it
   */
  synchronized DeviceMemory borrow(long bytes) {
    if (closed) {
      throw new IllegalStateException("the CUDA backend is used after it was closed");
    }
    long wanted = rounded(Math.max(bytes, 1));
    if (wanted > settings.memory() - lentBytes) {
      throw new DeviceOutOfMemoryException(
          CUresult.CUDA_ERROR_OUT_OF_MEMORY, wanted, settings.memory() - lentBytes);
    }
    Optional<DeviceMemory> fitting =
        idle.stream()
            .filter(m -> m.bytes() >= wanted && m.bytes() / 2 <= wanted)
            .min(Comparator.comparingLong(DeviceMemory::bytes));
    DeviceMemory memory;
    if (fitting.isPresent()) {
      memory = fitting.get();
      idle.remove(memory);
      idleBytes -= memory.bytes();
    } else {
      memory = allocated(wanted);
    }
    lentBytes += memory.bytes();
    return memory;
  }

  private DeviceMemory allocated(long bytes) {
    DeviceMemory memory = tried(bytes);
    try {
      stream.await(); // From here on every stream may use it.
    } catch (RuntimeException e) {
      try (memory) {
        throw e;
      }
    }
    return memory;
  }

  private DeviceMemory tried(long bytes) {
    try {
      return new DeviceMemory(context, bytes, stream);
    } catch (DeviceOutOfMemoryException e) {
      if (idle.isEmpty()) {
        throw e;
      }
      trim(0);
      return new DeviceMemory(context, bytes, stream);
    }
  }

  /** Takes memory back; whatever was put into a stream with it must be done. */
  synchronized void giveBack(DeviceMemory memory) {
    lentBytes -= memory.bytes();
    idle.add(memory);
    idleBytes += memory.bytes();
    trim(closed ? 0 : settings.kept());
  }

  /** Gives idle memory back to the device, the largest first, until no more than that is kept. */
  private void trim(long keep) {
    boolean freed = false;
    while (idleBytes > keep) {
      DeviceMemory largest = Collections.max(idle, Comparator.comparingLong(DeviceMemory::bytes));
      idle.remove(largest);
      idleBytes -= largest.bytes();
      largest.close();
      freed = true;
    }
    if (freed && !CudaResult.isLost()) {
      stream.await(); // The driver's pool gives back to the device when its stream is synchronised.
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    List<Runnable> closes = new ArrayList<>();
    idle.forEach(memory -> closes.add(memory::close));
    idle.clear();
    idleBytes = 0;
    if (!CudaResult.isLost()) {
      closes.add(() -> context.run(stream::await)); // Until then the memory is not given back.
    }
    closes.add(stream::close);
    Closing.all(closes);
  }
}
