package dev.coppice.sparse;

import dev.coppice.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * One of the arrays that a format consists of, as kernels take it and files store it.
 *
 * @param name within its format, such as {@code values}
 * @param type as safetensors names it, such as {@code BF16}, {@code U8}
 * @param data direct, little-endian, read-only to everybody, from a multiple of 64 bytes on
 */
public record Part(String name, String type, Shape shape, ByteBuffer data) {
  private static final int ALIGNMENT = 64;

  /** Gives the bytes from position 0, with a position of the caller's own. */
  @Override
  public ByteBuffer data() {
    return data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Makes direct memory for the bytes of a part, all zero.
   *
   * @throws IllegalArgumentException if it would be 2 GiB or more
   */
  public static ByteBuffer allocate(String name, long bytes) {
    requireSize(name, bytes);
    return ByteBuffer.allocateDirect((int) bytes + 2 * ALIGNMENT)
        .alignedSlice(ALIGNMENT)
        .slice(0, (int) bytes)
        .order(ByteOrder.LITTLE_ENDIAN);
  }

  static void requireSize(String name, long bytes) {
    if (bytes > Integer.MAX_VALUE - 2 * ALIGNMENT) {
      throw new IllegalArgumentException(
          "the %s of a layer must be less than 2 GiB, not %d bytes: cut the layer in parts"
              .formatted(name, bytes));
    }
  }
}
