package dev.coppice.formats.files;

import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** A range of bytes that goes from an input to an output as it is. */
public final class CopiedRange implements CheckpointWriter.Piece {
  private static final long LARGEST = 64L << 20;

  private final InputFile input;
  private final long from;
  private final OutputFile output;
  private final long to;
  private final long bytes;

  private CopiedRange(InputFile input, long from, OutputFile output, long to, long bytes) {
    this.input = input;
    this.from = from;
    this.output = output;
    this.to = to;
    this.bytes = bytes;
  }

  /** Adds to {@code pieces} a range in pieces of at most 64 MiB, so that threads can share it. */
  public static void split(
      InputFile input,
      long from,
      OutputFile output,
      long to,
      long bytes,
      List<CheckpointWriter.Piece> pieces) {
    for (long done = 0; done < bytes; done += LARGEST) {
      long size = Math.min(LARGEST, bytes - done);
      pieces.add(new CopiedRange(input, from + done, output, to + done, size));
    }
  }

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public void copy(ByteBuffer buffer, Runnable pause) throws IOException {
    for (long done = 0; done < bytes; ) {
      pause.run();
      ByteBuffer part = buffer.slice(0, (int) Math.min(buffer.capacity(), bytes - done));
      input.read(from + done, part);
      part.flip();
      int size = part.remaining();
      output.write(to + done, part);
      done += size;
    }
  }
}
