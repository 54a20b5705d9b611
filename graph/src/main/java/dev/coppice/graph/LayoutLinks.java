package dev.coppice.graph;

import java.util.ArrayList;
import java.util.List;

/** What operators that move elements without changing them say of the axes around them. */
final class LayoutLinks {
  private final Shapes shapes;

  LayoutLinks(Shapes shapes) {
    this.shapes = shapes;
  }

  /** Links a node's axes, or gives false for an operator that is none of these. */
  boolean apply(Node node, Links links) {
    switch (node.op()) {
      case "Reshape" -> reshape(node, links);
      case "Flatten", "Squeeze", "Unsqueeze" -> align(node, links);
      case "Transpose" -> transpose(node, links);
      case "Concat" -> concat(node, links);
      case "Split" -> split(node, links);
      case "Slice" -> slice(node, links);
      case "Gather" -> gather(node, links);
      case "Expand" -> expand(node, links);
      case "Pad" -> pad(node, links);
      case "Shape" -> shape(node, links);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void reshape(Node node, Links links) {
    if (Targets.reshape(node, shapes) == null) {
      links.freezeAll("computes its shape while it runs");
      return;
    }
    align(node, links);
  }

  /** Finds which axes of the input are which of the output, from both ends inwards. */
  private void align(Node node, Links links) {
    String in = node.input(0);
    String out = node.output(0);
    long[] from = shapes.of(in);
    long[] to = shapes.of(out);
    if (from == null || to == null) {
      return;
    }
    int i = 0;
    int j = 0;
    while (i < from.length && j < to.length && from[i] == to[j]) {
      links.same(in, i++, out, j++);
    }
    int endI = from.length;
    int endJ = to.length;
    while (endI > i && endJ > j && from[endI - 1] == to[endJ - 1]) {
      links.same(in, --endI, out, --endJ);
    }
    while (i < endI || j < endJ) {
      int startI = i;
      int startJ = j;
      long productI = i < endI ? from[i++] : 1;
      long productJ = j < endJ ? to[j++] : 1;
      while (productI != productJ && Dim.isKnown(productI) && Dim.isKnown(productJ)) {
        if (productI < productJ && i < endI) {
          productI = shapes.dim().multiply(productI, from[i++]);
        } else if (productI > productJ && j < endJ) {
          productJ = shapes.dim().multiply(productJ, to[j++]);
        } else {
          break;
        }
      }
      if (productI != productJ) {
        i = endI;
        j = endJ;
      }
      regroup(node, links, new int[] {startI, i}, new int[] {startJ, j}, productI == productJ);
    }
  }

  private void regroup(Node node, Links links, int[] from, int[] to, boolean whole) {
    List<Links.Fold.Part> ins = parts(links.classes(), node.input(0), from);
    List<Links.Fold.Part> outs = parts(links.classes(), node.output(0), to);
    if (whole && ins.size() == 1 && outs.size() == 1) {
      Links.Fold.Part a = ins.get(0);
      Links.Fold.Part b = outs.get(0);
      links.same(a.value(), a.axis(), b.value(), b.axis());
    } else if (whole && ins.size() == 1 && outs.size() > 1) {
      links.fold(ins.get(0).value(), ins.get(0).axis(), outs, true);
    } else if (whole && outs.size() == 1 && ins.size() > 1) {
      links.fold(outs.get(0).value(), outs.get(0).axis(), ins, false);
    } else if (!leading(node, links, from[0], to[0])) {
      String why = whole ? "mixes it with other axes" : "folds it with an axis of an open size";
      ins.forEach(part -> links.freeze(part.value(), part.axis(), why));
      outs.forEach(part -> links.freeze(part.value(), part.axis(), why));
    }
  }

  /**
   * Links the first of the axes that are regrouped, where one is a multiple of the other: an index
   * of the shorter is a stretch of the longer, whatever becomes of the axes behind them.
   */
  private static boolean leading(Node node, Links links, int from, int to) {
    String in = node.input(0);
    String out = node.output(0);
    AxisClasses classes = links.classes();
    if (!classes.has(in, from) || !classes.has(out, to)) {
      return false;
    }
    boolean splits = classes.size(in, from) > classes.size(out, to);
    String fine = splits ? in : out;
    String coarse = splits ? out : in;
    int axisFine = splits ? from : to;
    int axisCoarse = splits ? to : from;
    if (classes.size(fine, axisFine) % classes.size(coarse, axisCoarse) != 0) {
      return false;
    }
    links.coarse(fine, axisFine, coarse, axisCoarse);
    return true;
  }

  private static List<Links.Fold.Part> parts(AxisClasses classes, String value, int[] range) {
    List<Links.Fold.Part> parts = new ArrayList<>();
    for (int axis = range[0]; axis < range[1]; axis++) {
      if (classes.has(value, axis)) {
        parts.add(new Links.Fold.Part(value, axis));
      }
    }
    return parts;
  }

  private static void transpose(Node node, Links links) {
    long[] order = node.integers("perm");
    int rank = links.classes().rank(node.input(0));
    for (int axis = 0; axis < rank; axis++) {
      int from = order == null ? rank - 1 - axis : (int) order[axis];
      links.same(node.input(0), from, node.output(0), axis);
    }
  }

  private static void concat(Node node, Links links) {
    String out = node.output(0);
    int rank = links.classes().rank(out);
    int along = Axes.wrap(node.integer("axis", 1), rank);
    int at = 0;
    for (String input : node.inputs()) {
      long[] shape = links.classes().shape(input);
      for (int axis = 0; axis < rank; axis++) {
        if (axis != along) {
          links.same(input, axis, out, axis);
        }
      }
      if (!links.classes().has(out, along) || shape == null) {
        links.freeze(input, along, "joins it with an axis of an open size");
      } else if (shape[along] == 1) {
        links
            .classes()
            .freeze(
                links.classes().atom(out, along, at), node + " takes it from an axis of one index");
        at++;
      } else {
        links.range(input, along, 0, out, along, at, (int) shape[along]);
        at += (int) shape[along];
      }
    }
    links.free(out, along);
  }

  private static void split(Node node, Links links) {
    String in = node.input(0);
    int rank = links.classes().rank(in);
    int along = Axes.wrap(node.integer("axis", 0), rank);
    int at = 0;
    for (String output : node.outputs()) {
      long[] shape = links.classes().shape(output);
      for (int axis = 0; axis < rank; axis++) {
        if (axis != along) {
          links.same(in, axis, output, axis);
        }
      }
      if (!links.classes().has(in, along) || shape == null || Dim.isSymbol(shape[along])) {
        links.freeze(in, along, "splits it into parts of open sizes");
      } else if (shape[along] == 1) {
        links
            .classes()
            .freeze(
                links.classes().atom(in, along, at), node + " makes an axis of one index of it");
        at++;
      } else {
        links.range(in, along, at, output, along, 0, (int) shape[along]);
        at += (int) shape[along];
      }
    }
    links.free(in, along);
  }

  private void slice(Node node, Links links) {
    String in = node.input(0);
    String out = node.output(0);
    SliceBounds bounds = SliceBounds.of(node, shapes, links.classes().rank(in));
    for (int axis = 0; axis < links.classes().rank(in); axis++) {
      if (bounds != null && !bounds.cuts(axis)) {
        links.same(in, axis, out, axis);
      } else if (bounds == null || !bounds.isConstant() || bounds.step(axis) != 1) {
        links.freeze(in, axis, "takes a part of it that is computed or has a step");
      } else if (links.classes().size(out, axis) > 1) {
        int start = IntegerRules.bound(bounds.start(axis), links.classes().size(in, axis));
        links.range(in, axis, start, out, axis, 0, links.classes().size(out, axis));
      } else {
        links.freeze(in, axis, "takes one index of it");
      }
    }
  }

  private void gather(Node node, Links links) {
    String in = node.input(0);
    String out = node.output(0);
    AxisClasses classes = links.classes();
    int rank = classes.rank(in);
    int along = Axes.wrap(node.integer("axis", 0), rank);
    int more = classes.rank(node.input(1)) - 1;
    for (int axis = 0; axis < rank; axis++) {
      if (axis != along) {
        links.same(in, axis, out, axis < along ? axis : axis + more);
      }
    }
    for (int axis = 0; axis <= more; axis++) {
      links.same(node.input(1), axis, out, along + axis);
    }
    links.freeze(in, along, "looks it up by index");
  }

  private void expand(Node node, Links links) {
    if (Targets.expand(node, shapes) == null) {
      links.freezeAll("computes its shape while it runs");
      return;
    }
    AxisClasses classes = links.classes();
    int rank = classes.rank(node.output(0));
    for (int axis = 0; axis < rank; axis++) {
      int own = axis - rank + classes.rank(node.input(0));
      if (own >= 0 && classes.has(node.input(0), own)) {
        links.same(node.input(0), own, node.output(0), axis);
      }
    }
  }

  private void pad(Node node, Links links) {
    String in = node.input(0);
    long[] pads = node.has("pads") ? node.integers("pads") : shapes.numbers(node.input(1));
    int rank = links.classes().rank(in);
    for (int axis = 0; axis < rank; axis++) {
      boolean free =
          pads != null && pads.length == 2 * rank && pads[axis] == 0 && pads[axis + rank] == 0;
      if (free) {
        links.same(in, axis, node.output(0), axis);
        links.classes().nonZero(in, axis);
      } else {
        links.freeze(in, axis, "pads it");
      }
    }
  }

  /** Reading a shape is no reason to freeze it: {@link ShapeUse} looks at what is done with it. */
  private static void shape(Node node, Links links) {
    String in = node.input(0);
    for (int axis = 0; axis < links.classes().rank(in); axis++) {
      links.free(in, axis);
    }
  }
}
