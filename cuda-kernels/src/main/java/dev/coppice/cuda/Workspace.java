package dev.coppice.cuda;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/**
 * What one call at a time needs on the device and beside it: a stream, and memory that grows to the
 * largest call. Its methods are called with the context current.
 */
final class Workspace implements AutoCloseable {
  private final CudaContext context;
  private final CudaStream stream;
  private @Nullable DeviceMemory data;
  private @Nullable DeviceMemory counters;
  private ByteBuffer read = ByteBuffer.allocateDirect(0);

  Workspace(CudaContext context) {
    this.context = context;
    this.stream = new CudaStream(context);
  }

  CudaStream stream() {
    return stream;
  }

  /** Gives at least {@code bytes} for a slice, with left-over contents. */
  DeviceMemory data(long bytes) {
    data = grown(data, bytes);
    return data;
  }

  /** Gives at least {@code bytes} for counters, with left-over contents. */
  DeviceMemory counters(long bytes) {
    counters = grown(counters, bytes);
    return counters;
  }

  private DeviceMemory grown(@Nullable DeviceMemory memory, long bytes) {
    if (memory != null && memory.bytes() >= bytes) {
      return memory;
    }
    if (memory != null) {
      memory.close();
    }
    return new DeviceMemory(context, bytes);
  }

  /** Gives direct memory of at least {@code bytes} that counters are read into. */
  ByteBuffer read(int bytes) {
    if (read.capacity() < bytes) {
      read = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    }
    return read;
  }

  @Override
  public void close() {
    DeviceMemory ofCounters = counters;
    DeviceMemory ofData = data;
    try (stream;
        ofCounters;
        ofData) {
      read = ByteBuffer.allocateDirect(0); // The rest is closed even if one of them fails to be.
    }
  }
}
