package dev.coppice.cli;

import dev.coppice.DType;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * Reads a tensor of two models at once, in slices, and counts where they differ. Bits count, not
 * values: -0 is not +0.
 */
final class TensorDifference {
  /** What differs between two tensors of the same shape and type. */
  record Result(long changed, long newlyZero, double relativeError) {}

  private final Checkpoint a;
  private final Checkpoint b;
  private final CheckpointTensor inA;
  private final CheckpointTensor inB;
  private final LongAdder changed = new LongAdder();
  private final LongAdder newlyZero = new LongAdder();

  TensorDifference(Checkpoint a, CheckpointTensor inA, Checkpoint b, CheckpointTensor inB) {
    this.a = a;
    this.b = b;
    this.inA = inA;
    this.inB = inB;
  }

  /** Compares the weights of a type that is pruned. */
  Result ofWeights(Execution execution) throws IOException {
    DType dtype = inA.dtype().orElseThrow();
    long total = inA.shape().elements();
    int most = execution.sliceBytes() / 2 / dtype.bytes();
    int slices = Math.toIntExact((total + most - 1) / most);
    // The sums of each slice by themselves: added in order, the result is always the same.
    AtomicLongArray squares = new AtomicLongArray(slices);
    AtomicLongArray errors = new AtomicLongArray(slices);
    execution.forEach(
        slices,
        (index, worker) -> {
          execution.checkCancelled();
          long first = index * most;
          int count = (int) Math.min(most, total - first);
          ByteBuffer[] both = halves(worker, count * dtype.bytes());
          a.read(inA, first, both[0]);
          b.read(inB, first, both[1]);
          double[] sums = compare(dtype, both[0].clear(), both[1].clear(), count);
          squares.set((int) index, Double.doubleToRawLongBits(sums[0]));
          errors.set((int) index, Double.doubleToRawLongBits(sums[1]));
          execution.progress().advance(2L * count * dtype.bytes());
        });
    double norm = Math.sqrt(sum(squares));
    double error = Math.sqrt(sum(errors));
    double relative = error == 0 ? 0 : norm == 0 ? Double.POSITIVE_INFINITY : error / norm;
    return new Result(changed.sum(), newlyZero.sum(), relative);
  }

  /** Compares the bytes of any other type; what is counted are elements that have whole bytes. */
  Result ofBytes(Execution execution) throws IOException {
    long total = inA.bytes();
    long elements = inA.shape().elements();
    int width = elements > 0 && total % elements == 0 ? (int) Math.min(16, total / elements) : 1;
    int most = execution.sliceBytes() / 2 / width * width;
    execution.forEach(
        (total + most - 1) / most,
        (index, worker) -> {
          execution.checkCancelled();
          long first = index * most;
          int count = (int) Math.min(most, total - first);
          ByteBuffer[] both = halves(worker, count);
          a.readBytes(inA, first, both[0]);
          b.readBytes(inB, first, both[1]);
          changed.add(differing(both[0].clear(), both[1].clear(), width));
          execution.progress().advance(2L * count);
        });
    return new Result(changed.sum(), 0, changed.sum() == 0 ? 0 : Double.NaN);
  }

  private static ByteBuffer[] halves(WorkPool.Worker worker, int bytes) {
    ByteBuffer whole = worker.buffer(2 * bytes);
    return new ByteBuffer[] {
      whole.slice(0, bytes).order(whole.order()), whole.slice(bytes, bytes).order(whole.order())
    };
  }

  private static long differing(ByteBuffer x, ByteBuffer y, int width) {
    long differing = 0;
    int at = x.mismatch(y);
    for (int i = at < 0 ? x.limit() : at / width * width; i < x.limit(); i += width) {
      boolean same = true;
      for (int j = i; j < Math.min(i + width, x.limit()); j++) {
        same &= x.get(j) == y.get(j);
      }
      differing += same ? 0 : 1;
    }
    return differing;
  }

  /** Counts, and gives the sums of squares of A and of the difference. */
  private double[] compare(DType dtype, ByteBuffer x, ByteBuffer y, int count) {
    long differing = 0;
    long zero = 0;
    double square = 0;
    double error = 0;
    boolean wide = dtype.bytes() == 4;
    int sign = wide ? 0x8000_0000 : 0x8000;
    for (int i = 0; i < count; i++) {
      int p = wide ? x.getInt(4 * i) : x.getShort(2 * i) & 0xFFFF;
      int q = wide ? y.getInt(4 * i) : y.getShort(2 * i) & 0xFFFF;
      double v = value(dtype, p, sign);
      if (Double.isFinite(v)) {
        square += v * v;
      }
      if (p != q) {
        differing++;
        zero += (p & ~sign) != 0 && (q & ~sign) == 0 ? 1 : 0;
        double d = value(dtype, q, sign) - v;
        error += Double.isNaN(d) ? Double.POSITIVE_INFINITY : d * d;
      }
    }
    changed.add(differing);
    newlyZero.add(zero);
    return new double[] {square, error};
  }

  private static double value(DType dtype, int bits, int sign) {
    float size = Float.intBitsToFloat(dtype.widen(bits & ~sign));
    return (bits & sign) == 0 ? size : -size;
  }

  private static double sum(AtomicLongArray bits) {
    double sum = 0;
    for (int i = 0; i < bits.length(); i++) {
      sum += Double.longBitsToDouble(bits.get(i));
    }
    return sum;
  }
}
