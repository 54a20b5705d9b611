package dev.coppice.cuda;

import dev.coppice.Tensor;
import dev.coppice.spi.Closing;
import dev.coppice.spi.DeviceAddress;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Function;
import jcuda.Pointer;
import jcuda.driver.CUstream;
import org.jspecify.annotations.Nullable;

/** What a product, or who measures it, holds of a device. For one thread at a time. */
final class LinearMemory implements AutoCloseable {
  /** Elements of the heap pass through a buffer of this size. */
  private static final int PIECE_BYTES = 16 << 20;

  private final LinearDevice shared;
  private final CudaStream own;
  private final LaunchBlock launchBlock;
  private final List<DeviceMemory> borrowed = new ArrayList<>();
  private @Nullable CUstream callers;
  private long callersHandle;
  private boolean unfinished;
  private boolean closed;

  private LinearMemory(LinearDevice shared) {
    this.shared = shared;
    CudaDevice device = shared.device();
    this.own = device.context().call(() -> device.streams().borrow(() -> stream(device)));
    this.launchBlock = device.launchBlocks().borrow(LaunchBlock::new);
  }

  private static CudaStream stream(CudaDevice device) {
    return new CudaStream(device.context());
  }

  /** Makes something that holds memory; where that fails, gives back what it had by then. */
  static <T> T with(int ordinal, Function<LinearMemory, T> make) {
    LinearMemory memory = open(ordinal);
    try {
      return make.apply(memory);
    } catch (RuntimeException e) {
      try (memory) {
        throw e;
      }
    }
  }

  private static LinearMemory open(int ordinal) {
    LinearDevice shared = LinearDevice.acquire(ordinal);
    try {
      return new LinearMemory(shared);
    } catch (RuntimeException e) {
      shared.release();
      throw e;
    }
  }

  int ordinal() {
    return context().ordinal();
  }

  CudaContext context() {
    return shared.device().context();
  }

  Settings settings() {
    return shared.device().settings();
  }

  /** Gives the most shared memory that a block can have. */
  int mostShared() {
    return shared.device().kernels().mostShared();
  }

  /** Gives the stream that work goes into where the caller has none. */
  CudaStream stream() {
    requireOpen();
    return own;
  }

  /** Gives memory with left-over contents; called with the context current. */
  DeviceMemory borrow(long bytes) {
    requireOpen();
    DeviceMemory memory = shared.device().arena().borrow(bytes);
    borrowed.add(memory);
    return memory;
  }

  /** Copies a buffer's bytes, from its position on, to the device, and gives where they lie. */
  long copy(ByteBuffer bytes) {
    return context()
        .call(
            () -> {
              DeviceMemory memory = borrow(bytes.remaining());
              upload(memory, 0, bytes.slice());
              return memory.address();
            });
  }

  /** Gives where a tensor lies on the device, copied there if it lies on the host. */
  long address(Tensor tensor) {
    return tensor.onDevice().isPresent() ? require(tensor, "a bias") : copied(tensor).address();
  }

  /** Copies a tensor of the host to the device. */
  DeviceMemory copied(Tensor host) {
    return context()
        .call(
            () -> {
              DeviceMemory memory = borrow(host.shape().elements() * host.dtype().bytes());
              pieces(
                  host,
                  (first, bytes, isView) -> {
                    if (!isView) {
                      host.read(first, bytes);
                    }
                    upload(memory, first * host.dtype().bytes(), bytes);
                  });
              return memory;
            });
  }

  /** Copies what lies on the device into a tensor of the host. */
  void fetch(DeviceMemory from, Tensor host) {
    context()
        .run(
            () ->
                pieces(
                    host,
                    (first, bytes, isView) -> {
                      long offset = first * host.dtype().bytes();
                      from.download(Pointer.to(bytes), offset, bytes.capacity(), own.stream());
                      own.await();
                      if (!isView) {
                        host.write(first, bytes);
                      }
                    }));
  }

  private interface OnPiece {
    void run(long first, ByteBuffer bytes, boolean isView);
  }

  /** Shows a tensor of the host piece by piece, where it lies or as a buffer for its elements. */
  private static void pieces(Tensor host, OnPiece body) {
    int each = PIECE_BYTES / host.dtype().bytes();
    ByteBuffer buffer = ByteBuffer.allocateDirect(0);
    for (long first = 0; first < host.shape().elements(); first += each) {
      int count = (int) Math.min(each, host.shape().elements() - first);
      ByteBuffer view = host.view(first, count).orElse(null);
      if (view == null && buffer.capacity() != count * host.dtype().bytes()) {
        buffer = ByteBuffer.allocateDirect(count * host.dtype().bytes());
      }
      ByteBuffer piece = view == null ? buffer.clear().order(ByteOrder.LITTLE_ENDIAN) : view;
      try {
        body.run(first, piece, view != null);
      } finally {
        Reference.reachabilityFence(host);
      }
    }
  }

  private void upload(DeviceMemory memory, long offset, ByteBuffer bytes) {
    if (bytes.hasRemaining()) {
      try {
        memory.upload(Pointer.to(bytes), offset, bytes.remaining(), own.stream());
        own.await();
      } finally {
        Reference.reachabilityFence(bytes);
      }
    }
  }

  /** Gives where a tensor lies on this device; refuses others. */
  long require(Tensor tensor, String name) {
    return tensor
        .onDevice()
        .filter(a -> a.device() == ordinal())
        .map(DeviceAddress::address)
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "%s must lie on CUDA device %d, where the product runs"
                        .formatted(name, ordinal())));
  }

  /** Puts work into that stream, or into one of its own and waits for it. */
  void run(OptionalLong stream, Consumer<CUstream> work) {
    requireOpen();
    context()
        .run(
            () -> {
              unfinished = true;
              work.accept(stream.isPresent() ? callers(stream.getAsLong()) : own.stream());
              if (stream.isEmpty()) {
                own.await();
              }
            });
  }

  /** Gives the caller's stream: as a rule the one of the last call. */
  private CUstream callers(long handle) {
    if (callers == null || callersHandle != handle) {
      callers = RawStream.of(handle);
      callersHandle = handle;
    }
    return callers;
  }

  /** Gives the memory that the next kernel's struct is put in. */
  ByteBuffer parameters() {
    return launchBlock.begin();
  }

  /** Gives a kernel that takes so much shared memory. */
  Kernel kernel(String name, int threads, int dynamicShared) {
    return context().call(() -> shared.kernel(name, threads, dynamicShared));
  }

  /** Launches a kernel with them; called with the context current. */
  void launch(Kernel kernel, long blocks, int dynamicShared, CUstream stream) {
    launchBlock.launch(kernel, blocks, dynamicShared, stream);
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the product is used after it was closed");
    }
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    CudaDevice device = shared.device();
    List<Runnable> steps = new ArrayList<>();
    if (unfinished && !CudaResult.isLost()) {
      steps.add(device.context()::synchronize);
    }
    borrowed.forEach(memory -> steps.add(inContext(() -> device.arena().giveBack(memory))));
    steps.add(() -> device.streams().giveBack(own));
    steps.add(() -> device.launchBlocks().giveBack(launchBlock));
    steps.add(shared::release);
    Closing.all(steps);
  }

  /** Each by itself: where the context cannot be made current once, the others are given back. */
  private Runnable inContext(Runnable step) {
    return () -> {
      if (CudaResult.isLost()) {
        step.run();
      } else {
        context().run(step);
      }
    };
  }
}
