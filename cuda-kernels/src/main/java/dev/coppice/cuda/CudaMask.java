package dev.coppice.cuda;

import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.util.Map;
import jcuda.driver.CUstream;

/**
 * Which weights of a tensor are kept, one bit each, on the device where the tensor is. Made by a
 * {@link CudaPruner}; whoever asked for it closes it, at the latest the pruner does.
 *
 * <p>Everything but {@link #countPruned} and {@link #toHost} only puts work into the pruner's
 * stream and returns. Safe for use by several threads.
 */
public final class CudaMask implements AutoCloseable {
  /** How masks are combined: MaskOperation in mask.cuh. */
  private enum Operation {
    AND(0),
    OR(1),
    AND_NOT(2),
    NOT(3);

    final int code;

    Operation(int code) {
      this.code = code;
    }
  }

  /** The bits of a block of mask.cu. */
  private static final long BLOCK_BITS = 1 << 17;

  private final CallQueue queue;
  private final DeviceMemory memory;
  private final long size;
  private boolean closed;

  /** Makes a mask that keeps nothing; called with the context current. */
  CudaMask(CallQueue queue, long size) {
    this.queue = queue;
    this.size = size;
    this.memory = queue.device().arena().borrow(bytes(size));
  }

  private static long bytes(long size) {
    return (size + Integer.SIZE - 1) / Integer.SIZE * Integer.BYTES;
  }

  /**
   * Copies a mask to the device.
   *
   * @param bits as {@link #toHost} gives them; those after the last weight are 0
   * @param size the number of weights
   */
  public static CudaMask ofHost(CudaPruner pruner, byte[] bits, long size) {
    if (size < 1 || bits.length != (size + Byte.SIZE - 1) / Byte.SIZE) {
      throw new IllegalArgumentException(
          "a mask of %d weights, 1 or more, has a bit for each, not %d bytes"
              .formatted(size, bits.length));
    }
    if (size % Byte.SIZE != 0 && (bits[bits.length - 1] & 0xFF) >>> size % Byte.SIZE != 0) {
      throw new IllegalArgumentException("the bits after a mask's last weight must be 0");
    }
    return pruner
        .queue()
        .made(
            size,
            (mask, call) -> {
              mask.memory.clear(0, bytes(size), call.stream());
              mask.pieces(
                  bits.length,
                  call,
                  (staging, at, count) -> {
                    staging.slice(0, count).put(bits, at, count);
                    mask.memory.upload(staging.at(0), at, count, call.stream());
                    call.drain();
                  });
            });
  }

  /** Gives the number of weights. */
  public long size() {
    return size;
  }

  /**
   * Zeroes the weights of {@code tensor} that this mask does not keep; others keep their bits. The
   * tensor's memory must stay allocated until the pruner's stream has passed this point.
   */
  public void apply(Tensor tensor) {
    CudaPruner.apply(queue, Map.of(CudaPruner.ALONE, this), Map.of(CudaPruner.ALONE, tensor));
  }

  /** Gives a mask that keeps what both keep. */
  public CudaMask and(CudaMask other) {
    return combined(Operation.AND, other);
  }

  /** Gives a mask that keeps what either keeps. */
  public CudaMask or(CudaMask other) {
    return combined(Operation.OR, other);
  }

  /** Gives a mask that keeps what this one keeps and {@code other} does not. */
  public CudaMask andNot(CudaMask other) {
    return combined(Operation.AND_NOT, other);
  }

  /** Gives a mask that keeps what this one does not. */
  public CudaMask not() {
    return combined(Operation.NOT, this);
  }

  private CudaMask combined(Operation operation, CudaMask other) {
    if (other.queue != queue || other.size != size) {
      throw new IllegalArgumentException(
          other.queue != queue
              ? "masks are combined if one pruner made them"
              : "a mask of %d weights is not combined with one of %d".formatted(size, other.size));
    }
    return queue.made(
        size,
        (result, call) -> {
          ByteBuffer p = call.launchBlock().begin();
          p.putLong(address()).putLong(other.address()).putLong(result.address()).putLong(size);
          p.putInt(operation.code).putInt(0);
          launch(call, call.device().kernels().maskCombine());
        });
  }

  private void launch(DeviceCall call, Kernel kernel) {
    long work = (size + BLOCK_BITS - 1) / BLOCK_BITS;
    long blocks = call.device().kernels().blocks(kernel, Kernels.MASK_SHARED, work);
    call.launch(kernel, blocks, Kernels.MASK_SHARED);
  }

  /** Waits for the pruner's stream and gives the number of weights that are not kept. */
  public long countPruned() {
    return queue.waited(
        call -> {
          DeviceMemory count = call.borrow(Long.BYTES);
          PinnedMemory read = call.pinned(Long.BYTES);
          count.clear(0, Long.BYTES, call.stream());
          ByteBuffer p = call.launchBlock().begin();
          p.putLong(address()).putLong(size).putLong(count.address());
          launch(call, call.device().kernels().maskCount());
          count.download(read.at(0), 0, Long.BYTES, call.stream());
          call.drain();
          return read.slice(0, Long.BYTES).getLong(0);
        },
        this);
  }

  /**
   * Waits for the pruner's stream and gives the bits: bit i % 8, from the lowest, of byte i / 8 is
   * set if weight i is kept.
   *
   * @throws IllegalStateException if there are more than an array holds
   */
  public byte[] toHost() {
    long bytes = (size + Byte.SIZE - 1) / Byte.SIZE;
    if (bytes > Integer.MAX_VALUE - Byte.SIZE) {
      throw new IllegalStateException("the bits of %d weights exceed an array".formatted(size));
    }
    byte[] bits = new byte[(int) bytes];
    return queue.waited(
        call -> {
          pieces(
              bits.length,
              call,
              (staging, at, count) -> {
                memory().download(staging.at(0), at, count, call.stream());
                call.drain();
                staging.slice(0, count).get(bits, at, count);
              });
          return bits;
        },
        this);
  }

  private interface Piece {
    void copy(PinnedMemory staging, int at, int count);
  }

  private void pieces(int bytes, DeviceCall call, Piece piece) {
    int most = Math.min(bytes, call.device().settings().staging());
    PinnedMemory staging = call.pinned(most);
    for (int at = 0; at < bytes; at += most) {
      piece.copy(staging, at, Math.min(most, bytes - at));
    }
  }

  /** Clears all bits; called with the context current. */
  void clear(CUstream stream) {
    memory().clear(0, bytes(size), stream);
  }

  /** Gives where the bits begin. */
  long address() {
    return memory().address();
  }

  private synchronized DeviceMemory memory() {
    if (closed) {
      throw new IllegalStateException("a mask is used after it was closed");
    }
    return memory;
  }

  /** Waits for the pruner's stream and gives the memory back; idempotent. */
  @Override
  public void close() {
    synchronized (queue) { // What the queue is putting into the stream may need the bits.
      synchronized (this) {
        if (closed) {
          return;
        }
        closed = true;
      }
      queue.giveBack(memory);
    }
  }
}
