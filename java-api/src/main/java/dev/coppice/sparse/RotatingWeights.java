package dev.coppice.sparse;

import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A layer's weights in one format, in so many copies that, when each product reads another one,
 * none finds its weights in a cache: in a model other layers come between.
 */
final class RotatingWeights {
  /** So much more than the cache holds: caches do not drop the oldest to the letter. */
  private static final int CACHES = 2;

  private static final int MOST_COPIES = 64;

  private final List<LinearWeights> copies;
  private int next;

  private RotatingWeights(List<LinearWeights> copies) {
    this.copies = copies;
  }

  /**
   * Compresses weights and copies them.
   *
   * @param cacheBytes of the device's last cache
   * @param mostBytes that the copies should take; one is made in any case
   */
  static RotatingWeights of(
      Format format, Tensor weights, Device device, long cacheBytes, long mostBytes) {
    LinearWeights first = LinearWeights.compress(format, weights);
    long bytes = Math.max(1, first.bytes());
    long wanted = Math.min(MOST_COPIES, (CACHES * cacheBytes + bytes - 1) / bytes);
    long count = Math.max(1, Math.min(wanted, mostBytes / bytes));
    List<LinearWeights> copies = new ArrayList<>(List.of(first));
    while (copies.size() < count) {
      // To another device each product takes a copy of its own.
      copies.add(device instanceof Device.Cpu ? copy(first) : first);
    }
    return new RotatingWeights(copies);
  }

  private static LinearWeights copy(LinearWeights weights) {
    Map<String, ByteBuffer> parts = new HashMap<>();
    for (Part part : weights.parts()) {
      ByteBuffer from = part.data();
      parts.put(part.name(), Part.allocate(part.name(), from.capacity()).put(from).clear());
    }
    return LinearWeights.of(weights.format(), weights.dtype(), weights.out(), weights.in(), parts);
  }

  Format format() {
    return copies.get(0).format();
  }

  List<LinearWeights> copies() {
    return copies;
  }

  /** Gives the number of the copy that was not read for the longest time. */
  int next() {
    next = (next + 1) % copies.size();
    return next;
  }
}
