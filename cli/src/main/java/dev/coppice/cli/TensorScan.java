package dev.coppice.cli;

import dev.coppice.Axes;
import dev.coppice.DType;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import dev.coppice.spi.Execution;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;

/**
 * Reads a tensor once, in slices, and counts what it holds.
 *
 * <p>The tensor is seen as a matrix whose columns run along the reduction axis: what lies before
 * that axis and the axis itself are its rows, what lies after it its columns. So a group of M is M
 * rows of one column, wherever the axis is.
 */
final class TensorScan {
  private static final int[][] PATTERNS = {{1, 4}, {2, 4}, {4, 8}};
  private static final int LARGEST_GROUP = 8;

  /**
   * What a tensor holds.
   *
   * @param zeros of either sign
   * @param nOfM the N:M pattern that all of it keeps to, where it has zeros and an axis for one
   */
  record Result(long zeros, long nans, long infinities, Optional<String> nOfM) {}

  private final Checkpoint checkpoint;
  private final CheckpointTensor tensor;
  private final DType dtype;
  private final long rows;
  private final long columns;
  private final long axisLength;
  private final LongAdder zeros = new LongAdder();
  private final LongAdder nans = new LongAdder();
  private final LongAdder infinities = new LongAdder();

  /** The most that is not zero in any group of 4 and of 8. */
  private final AtomicInteger mostIn4 = new AtomicInteger();

  private final AtomicInteger mostIn8 = new AtomicInteger();

  private TensorScan(Checkpoint checkpoint, CheckpointTensor tensor) {
    this.checkpoint = checkpoint;
    this.tensor = tensor;
    this.dtype = tensor.dtype().orElseThrow();
    Optional<Axes> axes =
        tensor.role() instanceof Role.Weight weight && tensor.shape().rank() > 1
            ? Optional.of(weight.axes())
            : Optional.empty();
    this.axisLength = axes.map(a -> tensor.shape().dimension(a.reduction())).orElse(1L);
    this.columns = axes.map(a -> tensor.shape().after(a.reduction())).orElse(1L);
    this.rows = columns == 0 ? 0 : tensor.shape().elements() / columns;
  }

  /** Scans a tensor that has a dtype, on all threads of the execution. */
  static Result of(Checkpoint checkpoint, CheckpointTensor tensor, Execution execution)
      throws IOException {
    TensorScan scan = new TensorScan(checkpoint, tensor);
    scan.run(execution);
    return new Result(
        scan.zeros.sum(), scan.nans.sum(), scan.infinities.sum(), scan.patternFound());
  }

  private Optional<String> patternFound() {
    if (zeros.sum() == 0 || zeros.sum() == tensor.shape().elements()) {
      return Optional.empty();
    }
    for (int[] pattern : PATTERNS) {
      int most = pattern[1] == 4 ? mostIn4.get() : mostIn8.get();
      if (axisLength % pattern[1] == 0 && most <= pattern[0]) {
        return Optional.of(pattern[0] + ":" + pattern[1]);
      }
    }
    return Optional.empty();
  }

  private void run(Execution execution) throws IOException {
    if (rows == 0) {
      return;
    }
    long most = Math.max(LARGEST_GROUP, execution.sliceBytes() / dtype.bytes());
    int width = (int) Math.min(columns, most / LARGEST_GROUP);
    long groups = Math.max(1, most / width / LARGEST_GROUP);
    int height = (int) Math.min(rows, groups * LARGEST_GROUP);
    long across = (columns + width - 1) / width;
    long down = (rows + height - 1) / height;
    execution.forEach(
        across * down,
        (index, worker) -> {
          execution.checkCancelled();
          long row = index / across * height;
          long column = index % across * width;
          int high = (int) Math.min(height, rows - row);
          int wide = (int) Math.min(width, columns - column);
          ByteBuffer data = worker.buffer(high * wide * dtype.bytes());
          read(row, high, column, wide, data);
          count(data, high, wide);
          execution.progress().advance(data.capacity());
        });
  }

  private void read(long row, int high, long column, int wide, ByteBuffer data) throws IOException {
    if (wide == columns) {
      checkpoint.read(tensor, row * columns, data);
    } else {
      int bytes = wide * dtype.bytes();
      for (int i = 0; i < high; i++) {
        data.limit((i + 1) * bytes).position(i * bytes);
        checkpoint.read(tensor, (row + i) * columns + column, data);
      }
    }
    data.clear();
  }

  private void count(ByteBuffer data, int high, int wide) {
    long zero = 0;
    long nan = 0;
    long infinite = 0;
    int most4 = 0;
    int most8 = 0;
    int largest = dtype.largestKey();
    boolean isWide = dtype.bytes() == 4;
    byte[] in4 = new byte[wide];
    byte[] in8 = new byte[wide];
    for (int r = 0, i = 0; r < high; r++) {
      boolean ends4 = r % 4 == 3;
      boolean ends8 = r % 8 == 7;
      for (int c = 0; c < wide; c++, i++) {
        int key = isWide ? data.getInt(4 * i) & 0x7FFF_FFFF : data.getShort(2 * i) & 0x7FFF;
        if (key == 0) {
          zero++;
        } else {
          in4[c]++;
          if (key >= largest) {
            nan += key > largest ? 1 : 0;
            infinite += key == largest ? 1 : 0;
          }
        }
        if (ends4) {
          most4 = Math.max(most4, in4[c]);
          in8[c] += in4[c];
          in4[c] = 0;
          if (ends8) {
            most8 = Math.max(most8, in8[c]);
            in8[c] = 0;
          }
        }
      }
    }
    zeros.add(zero);
    nans.add(nan);
    infinities.add(infinite);
    mostIn4.accumulateAndGet(most4, Math::max);
    mostIn8.accumulateAndGet(most8, Math::max);
  }
}
