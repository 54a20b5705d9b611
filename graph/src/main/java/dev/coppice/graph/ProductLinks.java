package dev.coppice.graph;

import java.util.HashSet;
import java.util.Set;

/** What convolutions and matrix products say of the axes around them. */
final class ProductLinks {
  private static final Set<String> MOVES = Set.of("Transpose", "Identity", "Cast", "Reshape");

  /** Values that are weights, perhaps turned round: what is cut of them is zero when zeroed. */
  private final Set<String> weights;

  ProductLinks(Graph graph) {
    weights = new HashSet<>(graph.tensors().keySet());
    for (Node node : graph.nodes()) {
      if (MOVES.contains(node.op()) && weights.contains(node.input(0))) {
        weights.add(node.output(0));
      }
    }
  }

  void convolution(Node node, Links links) {
    AxisClasses classes = links.classes();
    String in = node.input(0);
    String weight = node.input(1);
    String out = node.output(0);
    boolean transposed = node.op().equals("ConvTranspose");
    links.same(in, 0, out, 0);
    for (int axis = 2; axis < classes.rank(in); axis++) {
      links.freeze(in, axis, "works across it");
      links.freeze(out, axis, "works across it");
      links.freeze(weight, axis, "has it as its kernel");
    }
    if (!node.input(2).isEmpty()) {
      links.same(node.input(2), 0, out, 1);
    }
    links.same(weight, 0, transposed ? in : out, 1);
    long[] shape = classes.shape(in);
    if (shape == null || Dim.isSymbol(shape[1])) {
      links.freezeAll("has an open number of channels");
      return;
    }
    switch (Grouping.of(node, shape[1])) {
      case NONE -> links.same(weight, 1, transposed ? out : in, 1);
      case WHOLE -> wholeGroups(node, links);
      case WITHIN -> withinGroups(node, links);
    }
    if (!weights.contains(weight)) {
      classes.contract(in, 1);
    }
  }

  /** A group's inputs and outputs go together. */
  private static void wholeGroups(Node node, Links links) {
    links.freeze(node.input(1), 1, "has groups of that many channels");
    links.free(node.input(0), 1);
    links.free(node.output(0), 1);
    int groups = (int) node.integer("group", 1);
    unite(links.classes(), node.input(0), groups, true);
    unite(links.classes(), node.output(0), groups, true);
    AxisClasses classes = links.classes();
    int ins = classes.size(node.input(0), 1) / groups;
    int outs = classes.size(node.output(0), 1) / groups;
    for (int group = 0; group < groups; group++) {
      classes.unite(
          classes.atom(node.input(0), 1, group * ins),
          classes.atom(node.output(0), 1, group * outs));
    }
  }

  /** The channels at the same place of every group go together. */
  private static void withinGroups(Node node, Links links) {
    int groups = (int) node.integer("group", 1);
    String in = node.input(0);
    String weight = node.input(1);
    AxisClasses classes = links.classes();
    unite(classes, in, groups, false);
    unite(classes, node.output(0), groups, false);
    links.range(weight, 1, 0, in, 1, 0, classes.size(weight, 1));
  }

  private static void unite(AxisClasses classes, String value, int groups, boolean whole) {
    int size = classes.size(value, 1);
    int each = size / groups;
    for (int i = 0; i < size; i++) {
      int with = whole ? i / each * each : i % each;
      classes.unite(classes.atom(value, 1, with), classes.atom(value, 1, i));
    }
  }

  void matMul(Node node, Links links) {
    AxisClasses classes = links.classes();
    String a = node.input(0);
    String b = node.input(1);
    String out = node.output(0);
    int rank = classes.rank(out);
    int rankA = classes.rank(a);
    int rankB = classes.rank(b);
    if (rankA < 2 || rankB < 2) {
      links.freezeAll("multiplies a vector");
      return;
    }
    links.same(a, rankA - 2, out, rank - 2);
    links.same(b, rankB - 1, out, rank - 1);
    contract(links, a, rankA - 1, b, rankB - 2);
    for (int axis = 0; axis < rank - 2; axis++) {
      if (axis - rank + rankA >= 0) {
        links.same(a, axis - rank + rankA, out, axis);
      }
      if (axis - rank + rankB >= 0) {
        links.same(b, axis - rank + rankB, out, axis);
      }
    }
  }

  void gemm(Node node, Links links) {
    String a = node.input(0);
    String b = node.input(1);
    String c = node.input(2);
    String out = node.output(0);
    int rowsA = node.integer("transA", 0) == 0 ? 0 : 1;
    int rowsB = node.integer("transB", 0) == 0 ? 0 : 1;
    links.same(a, rowsA, out, 0);
    links.same(b, 1 - rowsB, out, 1);
    contract(links, a, 1 - rowsA, b, rowsB);
    int rank = links.classes().rank(c);
    for (int axis = 0; axis < rank; axis++) {
      links.same(c, axis, out, axis + 2 - rank);
    }
  }

  private void contract(Links links, String a, int axisA, String b, int axisB) {
    links.same(a, axisA, b, axisB);
    if (!weights.contains(a) && !weights.contains(b)) {
      links.classes().contract(a, axisA);
    }
  }
}
