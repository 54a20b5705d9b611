package dev.coppice.formats.safetensors;

import dev.coppice.formats.files.OutputFile;
import dev.coppice.spi.CheckpointWriter;
import dev.coppice.spi.Execution;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Moves bytes between memory and files in slices, on the threads of an execution. */
final class Slices {
  private static final int SMALLEST_BUFFER = 1 << 16;

  private Slices() {}

  static void read(StoredTensor tensor, ByteBuffer into, Execution execution) throws IOException {
    forEach(
        into,
        execution,
        (at, slice) -> {
          int bytes = slice.remaining();
          tensor.file().read(tensor.offset() + at, slice);
          execution.progress().advance(bytes);
        });
  }

  static void write(ByteBuffer from, OutputFile output, long position, Execution execution)
      throws IOException {
    forEach(from, execution, (at, slice) -> output.write(position + at, slice));
  }

  static void copy(List<CheckpointWriter.Piece> pieces, Execution execution) throws IOException {
    int size = Math.max(SMALLEST_BUFFER, execution.sliceBytes());
    execution.forEach(
        pieces.size(),
        (index, worker) -> {
          CheckpointWriter.Piece piece = pieces.get((int) index);
          piece.copy(worker.buffer(size), execution::checkCancelled);
          execution.progress().advance(piece.bytes());
        });
  }

  private interface Transfer {
    void run(long at, ByteBuffer slice) throws IOException;
  }

  private static void forEach(ByteBuffer whole, Execution execution, Transfer transfer)
      throws IOException {
    long size = execution.sliceBytes();
    execution.forEach(
        (whole.capacity() + size - 1) / size,
        (index, worker) -> {
          execution.checkCancelled();
          long at = index * size;
          transfer.run(at, whole.slice((int) at, (int) Math.min(size, whole.capacity() - at)));
        });
  }
}
