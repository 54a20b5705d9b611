package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Elements of 16 bits as varints, packed or with a tag before each. Where every {@link #INTERVAL}th
 * begins is known; from there on they are counted.
 */
final class VarintRun implements Run {
  /** The distance, in elements, of known positions. */
  static final int INTERVAL = 4096;

  private static final int CHUNK_BYTES = 64 << 10;
  private static final int LONGEST_VARINT = 10;

  private final long[] index;
  private final boolean tagged;
  private final long elements;
  private final long end;

  private VarintRun(long[] index, boolean tagged, long elements, long end) {
    this.index = index;
    this.tagged = tagged;
    this.elements = elements;
    this.end = end;
  }

  /** Takes the positions of a run's elements, in their order, while they are scanned. */
  static final class Builder {
    private final boolean tagged;
    private long[] index = new long[1];
    private long elements;
    private long end;

    Builder(long start, boolean tagged) {
      this.tagged = tagged;
      this.end = start;
    }

    /** Says whether a further element at {@code start} belongs to the run. */
    boolean continues(long start) {
      return tagged && end == start;
    }

    /** Adds the element that begins where the one before it ended. */
    void add(long endsAt) {
      int slot = (int) (elements / INTERVAL);
      if (elements % INTERVAL == 0) {
        if (slot == index.length) {
          index = Arrays.copyOf(index, slot * 2);
        }
        index[slot] = end;
      }
      elements++;
      end = endsAt;
    }

    boolean isEmpty() {
      return elements == 0;
    }

    VarintRun build() {
      int slots = (int) ((elements + INTERVAL - 1) / INTERVAL);
      return new VarintRun(Arrays.copyOf(index, slots), tagged, elements, end);
    }
  }

  @Override
  public long elements() {
    return elements;
  }

  @Override
  public long start() {
    return index[0];
  }

  @Override
  public long end() {
    return end;
  }

  @Override
  public void read(InputFile source, int width, long first, ByteBuffer into) throws IOException {
    Walk walk = new Walk(source, first);
    while (into.hasRemaining()) {
      int at = walk.element();
      int bits = (int) walk.value(at);
      into.put((byte) bits).put((byte) (bits >> 8));
    }
  }

  @Override
  public void write(InputFile source, Sink sink, int width, long first, ByteBuffer from)
      throws IOException {
    Walk walk = new Walk(source, first);
    walk.sink = sink;
    while (from.hasRemaining()) {
      int at = walk.element();
      int bits = (from.get() & 0xFF) | ((from.get() & 0xFF) << 8);
      if ((walk.value(at) & 0xFFFF) != bits) {
        walk.replace(at, bits);
      }
    }
    walk.flush();
  }

  /** Goes from element to element, a chunk of the file in memory. */
  private final class Walk {
    private final InputFile source;
    private @Nullable Sink sink;
    private byte[] chunk = new byte[0];
    private long chunkStart;
    private int written;
    private int next;

    Walk(InputFile source, long first) throws IOException {
      this.source = source;
      this.chunkStart = index[(int) (first / INTERVAL)];
      for (long skip = first % INTERVAL; skip > 0; skip--) {
        element();
      }
      written = next;
    }

    /** Moves over an element and gives where in the chunk its value lies. */
    int element() throws IOException {
      if (chunk.length - next < 2 * LONGEST_VARINT) {
        refill();
      }
      if (tagged) {
        next = after(next);
      }
      int at = next;
      next = after(next);
      return at;
    }

    long value(int at) {
      long value = 0;
      for (int i = 0; i < LONGEST_VARINT; i++) {
        int b = chunk[at + i];
        value |= (long) (b & 0x7F) << (7 * i);
        if (b >= 0) {
          break;
        }
      }
      return value;
    }

    /** Writes a value over another one without changing its length. */
    void replace(int at, int bits) {
      int last = after(at) - 1;
      if (bits >>> Math.min(7 * (last - at + 1), 31) != 0) {
        throw new IllegalArgumentException(
            "value %04x does not fit the %d bytes of the varint at %d"
                .formatted(bits, last - at + 1, chunkStart + at));
      }
      int rest = bits;
      for (int i = at; i < last; i++) {
        chunk[i] = (byte) ((rest & 0x7F) | 0x80);
        rest >>>= 7;
      }
      chunk[last] = (byte) rest;
    }

    void flush() throws IOException {
      if (sink != null && next > written) {
        sink.write(chunkStart + written, ByteBuffer.wrap(chunk, written, next - written));
      }
      written = next;
    }

    private int after(int at) {
      int last = at;
      while (last < chunk.length && chunk[last] < 0) {
        last++;
      }
      if (last >= chunk.length) {
        throw CheckpointFormatException.at(
            Code.FILE_CHANGED, source.path(), chunkStart + at, "was changed while it was read");
      }
      return last + 1;
    }

    private void refill() throws IOException {
      long begin = chunkStart + next;
      int length = (int) Math.min(CHUNK_BYTES, end - begin);
      if (length == chunk.length - next) {
        return;
      }
      flush();
      byte[] fresh = new byte[length];
      source.read(begin, ByteBuffer.wrap(fresh));
      chunk = fresh;
      chunkStart = begin;
      next = 0;
      written = 0;
    }
  }
}
