package dev.coppice.formats.onnx;

import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Elements of a constant size: raw data, packed floats, or floats with a tag before each.
 *
 * @param start the position of the first byte
 * @param elements how many there are
 * @param stride the distance of two elements; the element lies at the end of it
 */
record FixedRun(long start, long elements, int stride) implements Run {
  private static final int CHUNK_BYTES = 64 << 10;

  @Override
  public long end() {
    return start + elements * stride;
  }

  @Override
  public void read(InputFile source, int width, long first, ByteBuffer into) throws IOException {
    if (stride == width) {
      source.read(start + first * width, into);
      return;
    }
    for (long at = first; into.hasRemaining(); ) {
      byte[] chunk = chunk(source, at, into.remaining() / width);
      for (int tail = stride; tail <= chunk.length; tail += stride) {
        into.put(chunk, tail - width, width);
      }
      at += chunk.length / stride;
    }
  }

  @Override
  public void write(InputFile source, Sink sink, int width, long first, ByteBuffer from)
      throws IOException {
    if (stride == width) {
      sink.write(start + first * width, from);
      return;
    }
    for (long at = first; from.hasRemaining(); ) {
      byte[] chunk = chunk(source, at, from.remaining() / width);
      for (int tail = stride; tail <= chunk.length; tail += stride) {
        from.get(chunk, tail - width, width);
      }
      sink.write(start + at * stride, ByteBuffer.wrap(chunk));
      at += chunk.length / stride;
    }
  }

  private byte[] chunk(InputFile source, long first, int count) throws IOException {
    byte[] chunk = new byte[Math.min(count, CHUNK_BYTES / stride) * stride];
    source.read(start + first * stride, ByteBuffer.wrap(chunk));
    return chunk;
  }
}
