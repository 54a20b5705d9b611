package dev.coppice.cli;

import dev.coppice.DType;
import dev.coppice.ProgressListener;
import dev.coppice.Tensor;
import dev.coppice.reference.FloatingPoint;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.SplittableRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Random weights of a layer, the same at each call.
 *
 * @param sparsity the share of zeros
 * @param fours whether two of each four weights are kept, rather than any
 */
record RandomLayer(int out, int in, DType dtype, double sparsity, boolean fours) {
  private static final long MOST_BYTES = Integer.MAX_VALUE - 1024L;

  /**
   * Reads a shape.
   *
   * @throws IllegalArgumentException if it is none, or takes too much memory
   */
  static RandomLayer of(String shape, DType dtype, double sparsity, boolean fours) {
    Matcher parts = Pattern.compile("([1-9]\\d{0,8})x([1-9]\\d{0,8})").matcher(shape);
    if (!parts.matches()) {
      throw new IllegalArgumentException(
          "--shape must be OUTxIN, such as 4096x14336, not " + shape);
    }
    int out = Integer.parseInt(parts.group(1));
    int in = Integer.parseInt(parts.group(2));
    if ((long) out * in * dtype.bytes() > MOST_BYTES) {
      throw new IllegalArgumentException(
          "--shape must be of less than 2 GiB, and %s of %s is more".formatted(shape, dtype));
    }
    if (fours && in % 4 != 0) {
      throw new IllegalArgumentException(
          "2:4 needs a number of inputs that is a multiple of 4, not " + in);
    }
    return new RandomLayer(out, in, dtype, sparsity, fours);
  }

  Tensor weights() throws IOException {
    int rowBytes = in * dtype.bytes();
    ByteBuffer all = ByteBuffer.allocateDirect(out * rowBytes).order(ByteOrder.LITTLE_ENDIAN);
    new Execution(
            WorkPool.shared(),
            Integer.MAX_VALUE,
            SessionCommand.LARGE_SLICE,
            () -> false,
            ProgressListener.NONE)
        .forEach(
            out,
            (row, worker) ->
                fill(
                    all.slice((int) row * rowBytes, rowBytes).order(ByteOrder.LITTLE_ENDIAN),
                    new SplittableRandom(row)));
    return Tensor.of(dtype, all, out, in);
  }

  private void fill(ByteBuffer row, SplittableRandom random) {
    int kept = 0;
    for (int i = 0; i < in; i++) {
      kept = i % 4 == 0 ? 2 : kept;
      boolean keep = fours ? random.nextInt(4 - i % 4) < kept : random.nextDouble() >= sparsity;
      if (keep) {
        kept--;
        double size = 0.01 + random.nextDouble();
        FloatingPoint.write(row, i, dtype, random.nextBoolean() ? size : -size);
      }
    }
  }
}
