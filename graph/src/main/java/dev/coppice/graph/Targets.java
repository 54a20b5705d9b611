package dev.coppice.graph;

import org.jspecify.annotations.Nullable;

/** The shapes that nodes take as an input, as constants that hold for any input of the graph. */
final class Targets {
  private Targets() {}

  /**
   * Gives a constant target for a Reshape: sizes that are known, 0 for one that is copied, -1 for
   * one that is left. Nothing where that does not say it all.
   */
  static long @Nullable [] reshape(Node node, Shapes shapes) {
    long[] from = shapes.of(node.input(0));
    long[] to = shapes.of(node.output(0));
    if (from == null || to == null) {
      return null;
    }
    long[] target = new long[to.length];
    boolean open = false;
    for (int i = 0; i < to.length; i++) {
      if (Dim.isKnown(to[i])) {
        if (to[i] == 0) {
          return null;
        }
        target[i] = to[i];
      } else if (i < from.length && from[i] == to[i]) {
        target[i] = 0;
      } else if (open) {
        return null;
      } else {
        open = true;
        target[i] = -1;
      }
    }
    return target;
  }

  /** Gives a constant target for an Expand: 1 where the input's own size is kept. */
  static long @Nullable [] expand(Node node, Shapes shapes) {
    long[] from = shapes.of(node.input(0));
    long[] to = shapes.of(node.output(0));
    if (from == null || to == null) {
      return null;
    }
    long[] target = new long[to.length];
    for (int i = 0; i < to.length; i++) {
      int own = i - to.length + from.length;
      if (own >= 0 && from[own] == to[i]) {
        target[i] = 1;
      } else if (Dim.isKnown(to[i])) {
        target[i] = to[i];
      } else {
        return null;
      }
    }
    return target;
  }
}
