package dev.coppice;

import dev.coppice.spi.AddressWindows;
import dev.coppice.spi.DeviceAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Weights in memory that somebody else owns: an element type, a shape, and where the bytes are.
 * Making a tensor copies nothing; pruning it changes that memory.
 *
 * <p>Elements are row-major, in the machine's byte order, which must be little-endian. A tensor
 * keeps its array, buffer or owner reachable. While it is being pruned nobody else may write to its
 * memory.
 */
public final class Tensor {
  private final DType dtype;
  private final Shape shape;
  private final Memory memory;

  /** Where a tensor's bytes are. Positions are counted in bytes. */
  interface Memory {
    /** Gives how many bytes there are. */
    long bytes();

    /** Gives a direct buffer that shares this memory, if there can be one. */
    Optional<ByteBuffer> view(long position, int bytes);

    /** Gives where on a device it lies, if it does. */
    default Optional<DeviceAddress> onDevice() {
      return Optional.empty();
    }

    /** Gives where its bytes begin, unless Java does not tell, as of direct memory. */
    default Optional<Overlap.Place> place() {
      return onDevice().map(at -> new Overlap.Place(at.device(), at.address()));
    }

    void read(long position, ByteBuffer into);

    void write(long position, ByteBuffer from);
  }

  private Tensor(DType dtype, Memory memory, long[] shape) {
    this.dtype = dtype;
    this.shape = Shape.of(shape);
    this.memory = memory;
    if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
      throw new IllegalStateException("Coppice needs a little-endian machine");
    }
    long needed = Math.multiplyExact(this.shape.elements(), (long) dtype.bytes());
    if (memory.bytes() < needed) {
      throw new IllegalArgumentException(
          "a tensor %s of %s needs %d bytes, not %d"
              .formatted(this.shape, dtype, needed, memory.bytes()));
    }
  }

  /**
   * Makes an F32 tensor of a heap array; slices of it pass through the pool's buffers while it is
   * pruned.
   */
  public static Tensor of(float[] data, long... shape) {
    return new Tensor(DType.F32, new FloatArray(FloatBuffer.wrap(data)), shape);
  }

  /** Makes an F16 or BF16 tensor of a heap array of bit patterns. */
  public static Tensor of(DType dtype, short[] data, long... shape) {
    if (dtype.bytes() != Short.BYTES) {
      throw new IllegalArgumentException("a short[] holds F16 or BF16, not " + dtype);
    }
    return new Tensor(dtype, new ShortArray(ShortBuffer.wrap(data)), shape);
  }

  /**
   * Makes a tensor of a buffer's bytes from its position to its limit; a direct one is pruned where
   * it lies.
   */
  public static Tensor of(DType dtype, ByteBuffer data, long... shape) {
    if (data.isReadOnly()) {
      throw new IllegalArgumentException("a tensor's buffer must not be read-only");
    }
    return new Tensor(dtype, new Buffer(data.slice()), shape);
  }

  /**
   * Makes a tensor of memory at a raw address, of any size; it is pruned where it lies. Needs
   * coppice-native on the class path.
   *
   * @param owner what keeps the memory alive; kept reachable as long as the tensor is
   */
  public static Tensor ofAddress(DType dtype, long address, Object owner, long... shape) {
    if (address == 0) {
      throw new IllegalArgumentException("a tensor's address must not be 0");
    }
    long bytes = Math.multiplyExact(Shape.of(shape).elements(), (long) dtype.bytes());
    return new Tensor(dtype, new RawMemory(address, bytes, owner, windows()), shape);
  }

  /**
   * Makes a tensor of memory on a CUDA device; the {@code cuda} backend prunes it where it lies,
   * the others refuse it. The memory must be accessible from the device's primary context.
   *
   * @param device the device's ordinal
   * @param address what the driver API calls a {@code CUdeviceptr}, a multiple of the element's
   *     size
   * @param owner what keeps the memory alive; kept reachable as long as the tensor is
   */
  public static Tensor ofDevice(
      DType dtype, int device, long address, Object owner, long... shape) {
    if (device < 0) {
      throw new IllegalArgumentException("a device must be 0 or more, not " + device);
    }
    if (address == 0 || address % dtype.bytes() != 0) {
      throw new IllegalArgumentException(
          "a device address of %s must be a multiple of %d other than 0, not 0x%x"
              .formatted(dtype, dtype.bytes(), address));
    }
    long bytes = Math.multiplyExact(Shape.of(shape).elements(), (long) dtype.bytes());
    return new Tensor(
        dtype, new DeviceMemory(new DeviceAddress(device, address), bytes, owner), shape);
  }

  private static AddressWindows windows() {
    return ServiceLoader.load(AddressWindows.class)
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "tensors of raw addresses need coppice-native on the class path"));
  }

  /** Gives the element type. */
  public DType dtype() {
    return dtype;
  }

  /** Gives the shape. */
  public Shape shape() {
    return shape;
  }

  /** Gives where on a CUDA device it lies, if it does. */
  public Optional<DeviceAddress> onDevice() {
    return memory.onDevice();
  }

  /**
   * Gives a direct, little-endian buffer that shares {@code count} elements of its memory from
   * element {@code first} on; nothing where the elements lie in an array of the heap or on a
   * device.
   */
  public Optional<ByteBuffer> view(long first, int count) {
    requireRange(first, count);
    return memory.view(first * dtype.bytes(), Math.multiplyExact(count, dtype.bytes()));
  }

  /**
   * Fills {@code into}, from its position to its limit, with the elements from {@code first} on,
   * little-endian.
   *
   * @throws IllegalStateException if the tensor lies on a device
   */
  public void read(long first, ByteBuffer into) {
    requireRange(first, into.remaining() / dtype.bytes());
    memory.read(first * dtype.bytes(), into);
  }

  /**
   * Takes the bytes of {@code from}, from its position to its limit, as the elements from {@code
   * first} on.
   *
   * @throws IllegalStateException if the tensor lies on a device
   */
  public void write(long first, ByteBuffer from) {
    requireRange(first, from.remaining() / dtype.bytes());
    memory.write(first * dtype.bytes(), from);
  }

  /**
   * Says whether it shares memory with another tensor. Nobody else may use that other one
   * meanwhile: of direct memory Java does not tell the address, so a byte of it may be changed for
   * a moment.
   */
  public boolean overlaps(Tensor other) {
    return Overlap.of(
        memory,
        shape.elements() * dtype.bytes(),
        other.memory,
        other.shape.elements() * other.dtype.bytes());
  }

  private void requireRange(long first, long count) {
    if (first < 0 || count < 0 || count > shape.elements() - first) {
      throw new IllegalArgumentException(
          "%d elements from %d on are not within a tensor of %d"
              .formatted(count, first, shape.elements()));
    }
  }

  private record FloatArray(FloatBuffer data) implements Memory {
    @Override
    public Optional<Overlap.Place> place() {
      return Optional.of(new Overlap.Place(data.array(), 0));
    }

    @Override
    public long bytes() {
      return 4L * data.capacity();
    }

    @Override
    public Optional<ByteBuffer> view(long position, int bytes) {
      return Optional.empty();
    }

    @Override
    public void read(long position, ByteBuffer into) {
      into.order(ByteOrder.LITTLE_ENDIAN)
          .asFloatBuffer()
          .put(0, data, (int) (position / 4), into.remaining() / 4);
    }

    @Override
    public void write(long position, ByteBuffer from) {
      FloatBuffer floats = from.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
      data.put((int) (position / 4), floats, 0, floats.remaining());
    }
  }

  private record ShortArray(ShortBuffer data) implements Memory {
    @Override
    public Optional<Overlap.Place> place() {
      return Optional.of(new Overlap.Place(data.array(), 0));
    }

    @Override
    public long bytes() {
      return 2L * data.capacity();
    }

    @Override
    public Optional<ByteBuffer> view(long position, int bytes) {
      return Optional.empty();
    }

    @Override
    public void read(long position, ByteBuffer into) {
      into.order(ByteOrder.LITTLE_ENDIAN)
          .asShortBuffer()
          .put(0, data, (int) (position / 2), into.remaining() / 2);
    }

    @Override
    public void write(long position, ByteBuffer from) {
      ShortBuffer shorts = from.order(ByteOrder.LITTLE_ENDIAN).asShortBuffer();
      data.put((int) (position / 2), shorts, 0, shorts.remaining());
    }
  }

  private record Buffer(ByteBuffer data) implements Memory {
    @Override
    public Optional<Overlap.Place> place() {
      return data.isDirect()
          ? Optional.empty()
          : Optional.of(new Overlap.Place(data.array(), data.arrayOffset()));
    }

    @Override
    public long bytes() {
      return data.capacity();
    }

    @Override
    public Optional<ByteBuffer> view(long position, int bytes) {
      return data.isDirect()
          ? Optional.of(data.slice((int) position, bytes).order(ByteOrder.LITTLE_ENDIAN))
          : Optional.empty();
    }

    @Override
    public void read(long position, ByteBuffer into) {
      into.duplicate().put(data.slice((int) position, into.remaining()));
    }

    @Override
    public void write(long position, ByteBuffer from) {
      data.slice((int) position, from.remaining()).put(from.duplicate());
    }
  }

  private record RawMemory(long address, long bytes, Object owner, AddressWindows windows)
      implements Memory {
    @Override
    public Optional<ByteBuffer> view(long position, int count) {
      return Optional.of(window(position, count));
    }

    @Override
    public void read(long position, ByteBuffer into) {
      into.duplicate().put(window(position, into.remaining()));
    }

    @Override
    public void write(long position, ByteBuffer from) {
      window(position, from.remaining()).put(from.duplicate());
    }

    private ByteBuffer window(long position, int count) {
      return windows.window(address + position, count).order(ByteOrder.LITTLE_ENDIAN);
    }
  }

  private record DeviceMemory(DeviceAddress begin, long bytes, Object owner) implements Memory {
    @Override
    public Optional<DeviceAddress> onDevice() {
      return Optional.of(begin);
    }

    @Override
    public Optional<ByteBuffer> view(long position, int count) {
      return Optional.empty();
    }

    @Override
    public void read(long position, ByteBuffer into) {
      throw unreachable();
    }

    @Override
    public void write(long position, ByteBuffer from) {
      throw unreachable();
    }

    private IllegalStateException unreachable() {
      return new IllegalStateException(
          "memory on CUDA device "
              + begin.device()
              + " is neither read nor written through buffers");
    }
  }
}
