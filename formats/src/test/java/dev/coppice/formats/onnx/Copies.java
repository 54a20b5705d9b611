package dev.coppice.formats.onnx;

import dev.coppice.ProgressListener;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointWriter;
import dev.coppice.spi.CheckpointWriter.Piece;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.LongPredicate;
import java.util.stream.Collectors;

/**
 * Copies of models in which some weights are zero, written by three threads in slices of an odd
 * size.
 */
final class Copies {
  private static final int SLICE = 1009;
  private static final WorkPool POOL = new WorkPool(3);

  private Copies() {}

  /** Zeroes the weights of {@code names} whose index is picked, in no particular order. */
  static void write(
      Checkpoint checkpoint,
      Path target,
      boolean overwrite,
      Set<String> names,
      LongPredicate picked)
      throws IOException {
    List<CheckpointTensor> changed =
        checkpoint.tensors().stream().filter(t -> names.contains(t.name())).toList();
    try (CheckpointWriter writer = checkpoint.rewrite(target, names, overwrite)) {
      for (CheckpointTensor tensor : changed) {
        List<Long> firsts = new ArrayList<>();
        for (long first = 0; first < tensor.shape().elements(); first += SLICE) {
          firsts.add(first);
        }
        Collections.shuffle(firsts, new Random(1));
        Execution threads =
            new Execution(POOL, 3, Execution.SLICE_BYTES, () -> false, ProgressListener.NONE);
        threads.forEach(
            firsts.size(),
            (i, worker) -> {
              long first = firsts.get((int) i);
              ByteBuffer slice = read(checkpoint, tensor, first, SLICE);
              zero(slice, tensor, first, picked);
              writer.write(tensor, first, slice);
            });
      }
      for (Piece piece : writer.rest()) {
        piece.copy(ByteBuffer.allocateDirect(64 << 10), () -> {});
      }
      writer.commit();
    }
  }

  /** Reads at most {@code count} elements. */
  static ByteBuffer read(Checkpoint checkpoint, CheckpointTensor tensor, long first, long count)
      throws IOException {
    int width = OnnxCheckpoint.width(tensor);
    int elements = (int) Math.min(count, tensor.shape().elements() - first);
    ByteBuffer slice = ByteBuffer.allocateDirect(elements * width).order(ByteOrder.LITTLE_ENDIAN);
    checkpoint.read(tensor, first, slice);
    return slice.flip();
  }

  private static void zero(
      ByteBuffer slice, CheckpointTensor tensor, long first, LongPredicate picked) {
    int width = OnnxCheckpoint.width(tensor);
    for (int i = 0; i < slice.limit() / width; i++) {
      for (int b = 0; b < width && picked.test(first + i); b++) {
        slice.put(i * width + b, (byte) 0);
      }
    }
  }

  static CheckpointTensor tensor(Checkpoint checkpoint, String name) {
    return checkpoint.tensors().stream()
        .filter(tensor -> tensor.name().equals(name))
        .collect(Collectors.collectingAndThen(Collectors.toList(), list -> list.get(0)));
  }
}
