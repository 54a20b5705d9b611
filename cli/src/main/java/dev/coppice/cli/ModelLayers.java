package dev.coppice.cli;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.Selection;
import dev.coppice.Tensor;
import dev.coppice.sparse.Planner;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.Execution;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/**
 * The linear layers of a model: weights of rank 2 that a default plan takes. They are read one at a
 * time, into the same memory.
 */
final class ModelLayers {
  private static final long MOST_BYTES = Integer.MAX_VALUE - 1024L;

  private final Checkpoint checkpoint;
  private final Execution execution;
  private final List<Selection.Taken> taken;
  private final int tooLarge;
  private ByteBuffer memory = ByteBuffer.allocateDirect(0);

  private ModelLayers(
      Checkpoint checkpoint, Execution execution, List<Selection.Taken> taken, int tooLarge) {
    this.checkpoint = checkpoint;
    this.execution = execution;
    this.taken = taken;
    this.tooLarge = tooLarge;
  }

  static ModelLayers of(Checkpoint checkpoint, Execution execution) {
    PruningPlan plan = PruningPlan.of(Rule.unstructured(0.5));
    List<Selection.Taken> matrices =
        Selection.preview(checkpoint.tensors(), plan).taken().stream()
            .filter(t -> t.tensor().shape().rank() == 2)
            .toList();
    List<Selection.Taken> taken =
        matrices.stream().filter(t -> bytes(t.tensor()) <= MOST_BYTES).toList();
    return new ModelLayers(checkpoint, execution, taken, matrices.size() - taken.size());
  }

  private static long bytes(CheckpointTensor tensor) {
    return Math.multiplyExact(
        tensor.shape().elements(), (long) tensor.dtype().orElseThrow().bytes());
  }

  /** Gives how many were left out because they take 2 GiB or more. */
  int tooLarge() {
    return tooLarge;
  }

  List<Planner.Layer> layers() {
    return taken.stream()
        .map(layer -> new Planner.Layer(layer.tensor().name(), () -> load(layer)))
        .toList();
  }

  private Tensor load(Selection.Taken layer) throws IOException {
    CheckpointTensor tensor = layer.tensor();
    Axes axes = layer.axes();
    DType dtype = tensor.dtype().orElseThrow();
    int bytes = (int) bytes(tensor);
    if (memory.capacity() < bytes) {
      memory = ByteBuffer.allocateDirect(bytes);
    }
    ByteBuffer weights = memory.slice(0, bytes).order(ByteOrder.LITTLE_ENDIAN);
    boolean turned = axes.output() > axes.reduction();
    if (turned) {
      readTurned(tensor, weights);
    } else {
      read(tensor, weights);
    }
    return Tensor.of(
        dtype,
        weights,
        tensor.shape().dimension(axes.output()),
        tensor.shape().dimension(axes.reduction()));
  }

  private void read(CheckpointTensor tensor, ByteBuffer weights) throws IOException {
    int width = tensor.dtype().orElseThrow().bytes();
    int slice = execution.sliceBytes() / width * width;
    execution.forEach(
        (weights.capacity() + slice - 1L) / slice,
        (index, worker) -> {
          execution.checkCancelled();
          int begin = (int) index * slice;
          int count = Math.min(slice, weights.capacity() - begin);
          checkpoint.read(tensor, begin / width, weights.slice(begin, count));
        });
  }

  /** Reads what lies as [in, out], a few inputs at a time, into [out, in]. */
  private void readTurned(CheckpointTensor tensor, ByteBuffer weights) throws IOException {
    int width = tensor.dtype().orElseThrow().bytes();
    int in = (int) tensor.shape().dimension(0);
    int out = (int) tensor.shape().dimension(1);
    int rows = (int) Math.max(1, execution.sliceBytes() / ((long) out * width));
    execution.forEach(
        (in + rows - 1L) / rows,
        (index, worker) -> {
          execution.checkCancelled();
          int first = (int) index * rows;
          int count = Math.min(rows, in - first);
          ByteBuffer slice = worker.buffer(count * out * width);
          checkpoint.read(tensor, (long) first * out, slice);
          for (int o = 0; o < out; o++) {
            for (int i = 0; i < count; i++) {
              int from = i * out + o;
              int to = o * in + first + i;
              if (width == Integer.BYTES) {
                weights.putInt(Integer.BYTES * to, slice.getInt(Integer.BYTES * from));
              } else {
                weights.putShort(Short.BYTES * to, slice.getShort(Short.BYTES * from));
              }
            }
          }
        });
  }
}
