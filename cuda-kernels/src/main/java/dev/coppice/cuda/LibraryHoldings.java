package dev.coppice.cuda;

import dev.coppice.Tensor;
import dev.coppice.spi.Closing;
import dev.coppice.spi.DeviceAddress;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import jcuda.Pointer;

/**
 * What one product holds of a device, given back in reverse order after the device is done with it.
 * All but {@link #close} is called with the context current.
 */
final class LibraryHoldings<H extends LibraryHandle> implements AutoCloseable {
  private static final int CHUNK_BYTES = 64 << 20;

  private final LibraryDevices<H> devices;
  private final LibraryDevices.Opened<H> opened;
  private final Kept kept = new Kept();
  private boolean begun;

  private LibraryHoldings(LibraryDevices<H> devices, LibraryDevices.Opened<H> opened) {
    this.devices = devices;
    this.opened = opened;
  }

  /** Opens a device for one product. */
  static <H extends LibraryHandle> LibraryHoldings<H> open(LibraryDevices<H> devices, int ordinal) {
    return new LibraryHoldings<>(devices, devices.borrow(ordinal));
  }

  CudaDevice device() {
    return opened.device();
  }

  CudaContext context() {
    return device().context();
  }

  H library() {
    return opened.library();
  }

  /** Gives what a thread locks while it calls the library. */
  Object lock() {
    return opened;
  }

  /** Says that from here on the device may be at work with what is held. */
  void begin() {
    begun = true;
  }

  /** Keeps something, closed with the context current. */
  void keep(Runnable close) {
    kept.add(close);
  }

  /** Borrows a stream. */
  CudaStream stream() {
    CudaStream stream = device().streams().borrow(() -> new CudaStream(context()));
    keep(() -> device().streams().giveBack(stream));
    return stream;
  }

  /** Borrows device memory. */
  DeviceMemory borrow(long bytes) {
    return borrow(bytes, kept);
  }

  /** Borrows device memory until {@code by} is closed. */
  DeviceMemory borrow(long bytes, Kept by) {
    DeviceMemory memory = device().arena().borrow(bytes);
    by.add(() -> device().arena().giveBack(memory));
    return memory;
  }

  /** Gives where a tensor's elements lie on this device: its own place, or a copy's. */
  long place(Tensor tensor, CudaStream stream) {
    Optional<DeviceAddress> there = tensor.onDevice();
    if (there.isPresent()) {
      return address(there.get());
    }
    DeviceMemory memory = borrow(tensor.shape().elements() * tensor.dtype().bytes());
    upload(tensor, memory, stream);
    return memory.address();
  }

  /** Gives the address of a tensor that must lie on this device. */
  long addressOf(Tensor tensor) {
    return address(
        tensor
            .onDevice()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "an operand must lie on CUDA device %d, not on the host"
                            .formatted(context().ordinal()))));
  }

  private long address(DeviceAddress there) {
    if (there.device() != context().ordinal()) {
      throw new IllegalArgumentException(
          "a tensor on CUDA device %d cannot be used on device %d"
              .formatted(there.device(), context().ordinal()));
    }
    return there.address();
  }

  /** Copies a buffer's bytes, from 0 to its capacity, to the device. */
  long place(ByteBuffer direct, CudaStream stream) {
    DeviceMemory memory = borrow(direct.capacity());
    if (direct.capacity() > 0) {
      memory.upload(Pointer.to(direct), 0, direct.capacity(), stream.stream());
      stream.await();
    }
    return memory.address();
  }

  private static void upload(Tensor tensor, DeviceMemory memory, CudaStream stream) {
    int elementBytes = tensor.dtype().bytes();
    long elements = tensor.shape().elements();
    int chunk = (int) Math.min(elements, CHUNK_BYTES / elementBytes);
    ByteBuffer staged = null;
    for (long first = 0; first < elements; first += chunk) {
      int count = (int) Math.min(chunk, elements - first);
      ByteBuffer bytes = tensor.view(first, count).orElse(null);
      if (bytes == null) {
        staged = staged == null ? ByteBuffer.allocateDirect(chunk * elementBytes) : staged;
        bytes = staged.clear().limit(count * elementBytes);
        tensor.read(first, bytes);
      }
      long size = (long) count * elementBytes;
      memory.upload(Pointer.to(bytes), first * elementBytes, size, stream.stream());
      stream.await();
    }
  }

  @Override
  public void close() {
    List<Runnable> steps = new ArrayList<>();
    if (begun && !CudaResult.isLost()) {
      steps.add(context()::synchronize);
    }
    steps.add(() -> context().run(kept::close));
    steps.add(() -> devices.giveBack(opened));
    Closing.all(steps);
  }
}
