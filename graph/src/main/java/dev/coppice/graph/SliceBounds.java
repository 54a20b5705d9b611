package dev.coppice.graph;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Which part of which axis a Slice takes, where that is constant; symbols are none. */
final class SliceBounds {
  private record Part(long start, long end, long step) {}

  private static final Part ALL = new Part(0, Long.MAX_VALUE, 1);

  private final Map<Integer, Part> parts = new LinkedHashMap<>();
  private final boolean constant;

  private SliceBounds(long[] starts, long[] ends, long[] axes, long[] steps, int rank) {
    boolean allKnown = true;
    for (int i = 0; i < axes.length; i++) {
      allKnown &= Dim.isKnown(starts[i]) && Dim.isKnown(ends[i]);
      parts.put(Axes.wrap(axes[i], rank), new Part(starts[i], ends[i], steps[i]));
    }
    this.constant = allKnown;
  }

  /** Gives the bounds of a Slice on a value of the given rank; nothing if they are computed. */
  static @Nullable SliceBounds of(Node node, Shapes shapes, int rank) {
    long[] starts = node.has("starts") ? node.integers("starts") : shapes.integers(node.input(1));
    long[] ends = node.has("ends") ? node.integers("ends") : shapes.integers(node.input(2));
    if (starts == null || ends == null || starts.length != ends.length) {
      return null;
    }
    long[] axes = node.has("axes") ? node.integers("axes") : shapes.numbers(node.input(3));
    if (axes == null) {
      if (!node.input(3).isEmpty()) {
        return null;
      }
      axes = LongStream.range(0, starts.length).toArray();
    }
    long[] steps = shapes.numbers(node.input(4));
    if (steps == null) {
      if (!node.input(4).isEmpty()) {
        return null;
      }
      steps = new long[starts.length];
      Arrays.fill(steps, 1);
    }
    return axes.length != starts.length || steps.length != starts.length
        ? null
        : new SliceBounds(starts, ends, axes, steps, rank);
  }

  /** Whether all bounds are numbers. */
  boolean isConstant() {
    return constant;
  }

  /** Gives the axes that are sliced, in the order in which the node has them. */
  List<Integer> axes() {
    return List.copyOf(parts.keySet());
  }

  boolean cuts(int axis) {
    return parts.containsKey(axis);
  }

  long start(int axis) {
    return parts.getOrDefault(axis, ALL).start();
  }

  long end(int axis) {
    return parts.getOrDefault(axis, ALL).end();
  }

  long step(int axis) {
    return parts.getOrDefault(axis, ALL).step();
  }
}
