package dev.coppice.sparse;

import dev.coppice.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/** The parts that a file says make up weights; nothing in them is to be trusted. */
record StoredParts(DType dtype, long out, long in, Map<String, ByteBuffer> parts) {
  StoredParts {
    if (out < 1 || in < 1 || in > Integer.MAX_VALUE / dtype.bytes()) {
      throw new IllegalArgumentException(
          "a layer has 1 or more outputs, and from 1 to %d inputs, not %d and %d"
              .formatted(Integer.MAX_VALUE / dtype.bytes(), out, in));
    }
    if (out > Long.MAX_VALUE / in / Long.BYTES) {
      throw new IllegalArgumentException(
          "a layer of %d outputs and %d inputs is too large".formatted(out, in));
    }
  }

  int columns() {
    return (int) in;
  }

  /** Gives a part, of which exactly {@code bytes} bytes must be there. */
  ByteBuffer part(String name, long bytes) {
    ByteBuffer part = part(name);
    if (part.remaining() != bytes) {
      throw new IllegalArgumentException(
          "the %s of weights [%d, %d] must be %d bytes, not %d"
              .formatted(name, out, in, bytes, part.remaining()));
    }
    return part;
  }

  /** Gives a part of any size. */
  ByteBuffer part(String name) {
    ByteBuffer part = parts.get(name);
    if (part == null) {
      throw new IllegalArgumentException("the %s are missing".formatted(name));
    }
    if (part.isDirect() && part.order() == ByteOrder.LITTLE_ENDIAN) {
      return part.slice().order(ByteOrder.LITTLE_ENDIAN);
    }
    ByteBuffer copy = Part.allocate(name, part.remaining());
    return copy.put(0, part, part.position(), part.remaining());
  }
}
