package dev.coppice.cuda;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.LinearOperator;
import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import jcuda.driver.CUstream;

/** A product of weights that lie on the device: linear.cuh has what its kernels are told. */
abstract class LinearProduct implements LinearOperator {
  /** Rows of x are a multiple of this many elements for the kernels, and begin at 16 bytes. */
  private static final int ROW_UNIT = 8;

  private static final int ALIGNMENT = 16;

  private static final int INPUTS_THREADS = 256;
  private static final long INPUTS_BLOCKS = 1024;

  private final LinearMemory memory;
  private final DType dtype;
  private final long out;
  private final int in;
  private final long mostBatch;
  private final Optional<Tensor> bias;
  private final long biasAddress;
  private final Kernel layingOut;
  private long inputs;
  private OptionalLong inputsStream = OptionalLong.empty();

  LinearProduct(LinearMemory memory, LinearWeights weights, Optional<Tensor> bias, long mostBatch) {
    this.memory = memory;
    this.dtype = weights.dtype();
    this.out = weights.out();
    this.in = weights.in();
    this.mostBatch = mostBatch;
    this.bias = bias;
    this.biasAddress = bias.map(memory::address).orElse(0L);
    this.layingOut = memory.kernel("linear_inputs_" + 8 * dtype.bytes(), INPUTS_THREADS, 0);
  }

  /** Gives the name of the type in those of kernels. */
  String type() {
    return dtype.name().toLowerCase(Locale.ROOT);
  }

  long out() {
    return out;
  }

  LinearMemory memory() {
    return memory;
  }

  /** Where operands of a call lie, as linear.cuh's struct has them. */
  record Operands(long x, int stride, long bias, long y, long out, long batch) {
    /** Puts the struct. */
    void put(ByteBuffer p, long values, long index, long starts, int stored) {
      p.putLong(values).putLong(index).putLong(starts).putLong(x).putLong(bias).putLong(y);
      p.putLong(out).putLong(batch).putInt(stored).putInt(stride);
    }
  }

  /** Puts the product into a stream; called with the context current. */
  abstract void multiply(Operands operands, CUstream stream);

  @Override
  public void apply(Tensor x, Tensor y, OptionalLong stream) {
    long batch = x.shape().dimension(0);
    if (batch > mostBatch) {
      throw new IllegalArgumentException(
          "the product was prepared for %d rows of x at most, not %d".formatted(mostBatch, batch));
    }
    long from = memory.require(x, "x");
    long to = memory.require(y, "y");
    if (batch == 0) {
      return; // A grid of no blocks is an error.
    }
    try {
      memory.run(stream, target -> multiply(operands(from, to, batch, target), target));
    } finally {
      Reference.reachabilityFence(List.of(x, y, bias));
    }
  }

  private Operands operands(long x, long y, long batch, CUstream stream) {
    int stride = (in + ROW_UNIT - 1) / ROW_UNIT * ROW_UNIT;
    boolean asIs = stride == in && x % ALIGNMENT == 0;
    long rows = asIs ? x : laidOut(x, batch, stride, stream);
    return new Operands(rows, stride, biasAddress, y, out, batch);
  }

  /** Lays x out anew in memory that calls of one stream after the other use. */
  private long laidOut(long x, long batch, int stride, CUstream stream) {
    OptionalLong used = OptionalLong.of(RawStream.handle(stream));
    if (inputs == 0) {
      long rowBytes = (long) stride * dtype.bytes();
      inputs = memory.borrow(Math.multiplyExact(mostBatch, rowBytes)).address();
    } else if (!used.equals(inputsStream)) {
      memory.context().synchronize();
    }
    inputsStream = used;
    memory.parameters().putLong(x).putLong(inputs).putLong(batch).putInt(in).putInt(stride);
    memory.launch(layingOut, Math.min(batch, INPUTS_BLOCKS), 0, stream);
    return inputs;
  }

  @Override
  public void close() {
    memory.close();
  }
}
