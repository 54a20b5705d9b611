package dev.coppice.spi;

import dev.coppice.NanWeightsException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** Adds up the slices of a tensor with {@link SliceKernels}. */
final class SliceSums {
  /** Blocks of many runs are larger by this factor: their runs are what the memory sees. */
  private static final int STRIDED = 16;

  private final SliceKernels kernels;
  private final Execution execution;

  SliceSums(SliceKernels kernels, Execution execution) {
    this.kernels = kernels;
    this.execution = execution;
  }

  /** Gives the sum of each slice along the axis. */
  double[] of(Weights weights, int axis, Summand summand) throws IOException {
    int bytes = execution.sliceBytes();
    int strided = (int) Math.min((long) STRIDED * bytes, Integer.MAX_VALUE);
    SumBlocks blocks = new SumBlocks(weights, axis, bytes, strided);
    double[] all = blocks.room();
    execution.progress().expect(weights.shape().elements() * weights.dtype().bytes());
    execution.forEach(
        blocks.count(),
        (index, worker) -> {
          execution.checkCancelled();
          SumBlock block = blocks.at(index);
          double[] sums = new double[block.rows() * block.chunks()];
          kernels.sliceSums(
              slice(block, worker),
              block.outer(),
              block.rows(),
              block.inner(),
              block.from(),
              block.to(),
              summand,
              sums);
          blocks.put(block, sums, all);
          execution.progress().advance(block.summedBytes());
        });
    double[] sums = blocks.slices(all);
    if (Arrays.stream(sums).anyMatch(Double::isNaN)) {
      refuseNan(weights); // Infinities add up to infinity: only a NaN makes one.
    }
    return sums;
  }

  private Slice slice(SumBlock block, WorkPool.Worker worker) throws IOException {
    Region first = block.regions().get(0);
    Optional<ByteBuffer> view =
        block.regions().size() == 1 && first.isContiguous()
            ? first.weights().view(first.first(), first.elements())
            : Optional.empty();
    ByteBuffer data = view.isPresent() ? view.get() : worker.buffer(block.bytes());
    if (view.isEmpty()) {
      block.load(data);
    }
    int elements = block.elements();
    return new Slice(
        data,
        first.weights().dtype(),
        new Ranking.Magnitude(),
        first.first(),
        1,
        elements,
        elements);
  }

  private void refuseNan(Weights weights) throws IOException {
    Window narrow = new Window(0, 0, 1);
    new SliceLoop(execution, w -> new Ranking.Magnitude())
        .forEach(
            Regions.of(weights, execution.sliceBytes()),
            (index, region, slice, worker) -> {
              Histogram histogram = execution.borrowHistogram();
              try {
                histogram.clear(1);
                long nan = kernels.histogram(slice, narrow, histogram);
                if (nan >= 0) {
                  throw new NanWeightsException(weights.name(), slice.index((int) nan), false);
                }
                return false;
              } finally {
                execution.giveBack(histogram);
              }
            });
    throw new IllegalStateException("a sum of numbers is NaN: " + weights.name());
  }
}
