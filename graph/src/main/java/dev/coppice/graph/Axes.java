package dev.coppice.graph;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Arithmetic on the numbers of axes. */
final class Axes {
  private Axes() {}

  /** Gives an axis that may be counted from the end as one counted from the start. */
  static int wrap(long axis, int rank) {
    return (int) (axis < 0 ? axis + rank : axis);
  }

  /** Gives the axes that a node reduces or changes: an attribute, or its second input. */
  static long @Nullable [] of(Node node, Shapes shapes) {
    return node.has("axes") ? node.integers("axes") : shapes.numbers(node.input(1));
  }

  /** Marks the axes that a reduction takes away; nothing where they are computed. */
  static boolean @Nullable [] reduced(Node node, Shapes shapes, int rank) {
    long[] axes = of(node, shapes);
    boolean[] reduced = new boolean[rank];
    if (axes == null && !node.input(1).isEmpty()) {
      return null;
    }
    if (axes == null || axes.length == 0) {
      Arrays.fill(reduced, node.integer("noop_with_empty_axes", 0) == 0);
      return reduced;
    }
    for (long axis : axes) {
      reduced[wrap(axis, rank)] = true;
    }
    return reduced;
  }
}
