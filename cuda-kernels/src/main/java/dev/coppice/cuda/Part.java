package dev.coppice.cuda;

import dev.coppice.spi.DeviceAddress;
import dev.coppice.spi.Region;
import dev.coppice.spi.Weights;
import java.util.ArrayList;
import java.util.List;

/**
 * What becomes one slice on the device: a region of a tensor that is brought there, or a whole
 * tensor that lies there.
 *
 * @param tensor the tensor's index among the task's weights
 * @param scope the scope that its elements compete in
 * @param first the row-major index of its first element
 * @param runs how many runs of {@code run} elements, {@code stride} apart, it has
 * @param inner how far the elements of a row or group lie apart in it
 * @param rows the rows in it, where rows are what competes
 * @param together the neighbouring rows that are selected at a time
 */
record Part(
    Weights weights,
    int tensor,
    int scope,
    long first,
    long runs,
    long run,
    long stride,
    long inner,
    long rows,
    int together) {

  static Part of(Region region, int tensor, int scope) {
    return new Part(
        region.weights(),
        tensor,
        scope,
        region.first(),
        region.isContiguous() ? 1 : region.runs(),
        region.isContiguous() ? region.elements() : region.runLength(),
        region.isContiguous() ? region.elements() : region.stride(),
        1,
        1,
        1);
  }

  static Part whole(Weights weights, int tensor, int scope) {
    long elements = weights.shape().elements();
    return new Part(weights, tensor, scope, 0, 1, elements, elements, 1, 1, 1);
  }

  /** Gives the same part, arranged as [elements / (rows * inner), rows, inner]. */
  Part arranged(long rowsOfIt, long innerOfIt, int rowsTogether) {
    return new Part(
        weights, tensor, scope, first, runs, run, stride, innerOfIt, rowsOfIt, rowsTogether);
  }

  long elements() {
    return runs * run;
  }

  long bytes() {
    return elements() * weights.dtype().bytes();
  }

  boolean isOnDevice() {
    return weights.onDevice().isPresent();
  }

  /** Gives the address of a part that lies on the device. */
  long address() {
    return weights.onDevice().map(DeviceAddress::address).orElseThrow()
        + first * weights.dtype().bytes();
  }

  /**
   * Cuts it into regions of at most {@code bytes}, in order; densely packed one after the other
   * they are the part.
   */
  List<Region> pieces(int bytes) {
    List<Region> pieces = new ArrayList<>();
    int most = bytes / weights.dtype().bytes();
    long together = Math.max(1, most / run);
    for (long r = 0; r < runs; r += together) {
      long begin = first + r * stride;
      if (run <= most) {
        int count = (int) Math.min(together, runs - r);
        pieces.add(new Region(weights, begin, count, (int) run, stride));
      } else {
        for (long i = 0; i < run; i += most) {
          int length = (int) Math.min(most, run - i);
          pieces.add(new Region(weights, begin + i, 1, length, length));
        }
      }
    }
    return pieces;
  }
}
