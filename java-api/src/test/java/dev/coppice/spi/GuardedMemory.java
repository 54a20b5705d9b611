package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Direct memory in which a slice lies between canaries, at an offset of choice. */
final class GuardedMemory {
  private static final int GUARD = 128;
  private static final byte CANARY = (byte) 0xA5;

  private ByteBuffer memory = allocate(0);
  private int begin;
  private int end;

  /** Lays a case's elements {@code offset} bytes behind an aligned address. */
  Slice lend(SliceCase c, int offset) {
    begin = GUARD + offset;
    end = begin + c.size() * c.dtype.bytes();
    if (memory.capacity() < end + GUARD) {
      memory = allocate(end + GUARD);
    }
    for (int i = begin - GUARD; i < end + GUARD; i++) {
      memory.put(i, CANARY);
    }
    ByteBuffer data = memory.slice(begin, end - begin).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < c.size(); i++) {
      if (c.dtype == DType.F32) {
        data.putInt(i * 4, c.bits[i]);
      } else {
        data.putShort(i * 2, (short) c.bits[i]);
      }
    }
    return new Slice(data, c.dtype, c.ranking, c.first, c.runs, c.runLength, c.stride);
  }

  /** Asserts that the slice holds {@code expected} now, and that nothing around it has changed. */
  void assertHolds(SliceCase c, int[] expected, String what) {
    for (int i = 0; i < expected.length; i++) {
      int actual =
          c.dtype == DType.F32
              ? memory.getInt(begin + i * 4)
              : Short.toUnsignedInt(memory.getShort(begin + i * 2));
      if (actual != expected[i]) {
        assertThat(hex(actual))
            .as("element %d, before %s, of %s: %s", i, hex(c.bits[i]), c, what)
            .isEqualTo(hex(expected[i]));
      }
    }
    for (int i = 1; i <= GUARD; i++) {
      boolean intact = memory.get(begin - i) == CANARY && memory.get(end + i - 1) == CANARY;
      if (!intact) {
        assertThat(intact).as("memory outside is intact, %s: %s", c, what).isTrue();
      }
    }
  }

  private static String hex(int bits) {
    return "0x" + Integer.toHexString(bits);
  }

  private static ByteBuffer allocate(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }
}
