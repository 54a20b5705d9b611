package dev.coppice.graph;

import java.util.Set;

/** What each operator says of the axes around it. An operator without a rule freezes them all. */
final class LinkRules {
  private static final Set<String> REDUCTIONS_KEEPING_ZERO =
      Set.of(
          "ReduceMean",
          "ReduceSum",
          "ReduceMax",
          "ReduceMin",
          "ReduceL1",
          "ReduceL2",
          "ReduceProd",
          "ReduceSumSquare");

  private final Shapes shapes;
  private final long opset;
  private final ProductLinks products;
  private final LayoutLinks layouts;

  LinkRules(Graph graph, Shapes shapes) {
    this.shapes = shapes;
    this.opset = graph.opset();
    this.products = new ProductLinks(graph);
    this.layouts = new LayoutLinks(shapes);
  }

  void apply(Node node, Links links) {
    if (Operators.UNARY.contains(node.op())) {
      unary(node, links);
      return;
    }
    if (Operators.BROADCAST.contains(node.op())) {
      broadcast(node, links);
      return;
    }
    switch (node.op()) {
      case "Conv", "ConvTranspose" -> products.convolution(node, links);
      case "MatMul" -> products.matMul(node, links);
      case "Gemm" -> products.gemm(node, links);
      case "BatchNormalization", "InstanceNormalization" -> channelNorm(node, links);
      case "GroupNormalization" -> groupNorm(node, links);
      case "LayerNormalization" -> layerNorm(node, links);
      case "Softmax", "LogSoftmax" -> softmax(node, links);
      case "MaxPool",
          "AveragePool",
          "LpPool",
          "GlobalAveragePool",
          "GlobalMaxPool",
          "GlobalLpPool",
          "Resize",
          "Upsample" ->
          window(node, links);
      case "ReduceMean",
          "ReduceSum",
          "ReduceMax",
          "ReduceMin",
          "ReduceL1",
          "ReduceL2",
          "ReduceProd",
          "ReduceSumSquare",
          "ReduceLogSum",
          "ReduceLogSumExp" ->
          reduce(node, links);
      default -> {
        if (!layouts.apply(node, links)) {
          links.freezeAll("is an operator that is not cut");
        }
      }
    }
  }

  private static void unary(Node node, Links links) {
    String in = node.input(0);
    String out = node.output(0);
    for (int axis = 0; axis < links.classes().rank(out); axis++) {
      links.same(in, axis, out, axis);
      if (!Operators.UNARY_KEEPING_ZERO.contains(node.op())) {
        links.classes().nonZero(out, axis);
      }
    }
  }

  private static void broadcast(Node node, Links links) {
    AxisClasses classes = links.classes();
    String out = node.output(0);
    int rank = classes.rank(out);
    for (int axis = 0; axis < rank; axis++) {
      int having = 0;
      for (String input : node.inputs()) {
        int own = axis - rank + classes.rank(input);
        if (own >= 0) {
          links.same(input, own, out, axis);
          having += classes.has(input, own) ? 1 : 0;
        }
      }
      boolean zero =
          switch (node.op()) {
            case "Mul" -> having > 0;
            case "Div", "PRelu" -> has(classes, node.input(0), axis - rank);
            case "Add", "Sub", "Sum" -> having == node.inputs().size();
            default -> false;
          };
      if (!zero) {
        classes.nonZero(out, axis);
      }
    }
  }

  private static boolean has(AxisClasses classes, String value, int axisFromEnd) {
    return classes.has(value, axisFromEnd + classes.rank(value));
  }

  private static void channelNorm(Node node, Links links) {
    String in = node.input(0);
    String out = node.output(0);
    for (int axis = 0; axis < links.classes().rank(in); axis++) {
      links.same(in, axis, out, axis);
    }
    for (String input : node.inputs().subList(1, node.inputs().size())) {
      links.same(input, 0, out, 1);
    }
    if (node.op().startsWith("Instance")) {
      for (int axis = 2; axis < links.classes().rank(in); axis++) {
        links.freeze(in, axis, "normalises over it");
      }
    }
  }

  /** Channels that are normalised together go together; no other sees them. */
  private static void groupNorm(Node node, Links links) {
    AxisClasses classes = links.classes();
    String in = node.input(0);
    int size = classes.size(in, 1);
    int groups = (int) node.integer("num_groups", 1);
    for (int axis = 0; axis < classes.rank(in); axis++) {
      links.same(in, axis, node.output(0), axis);
      if (axis > 1) {
        links.freeze(in, axis, "normalises over it");
      }
    }
    if (!classes.has(in, 1) || groups < 2) {
      links.freeze(in, 1, "normalises over it");
      return;
    }
    links.stretches(in, 1, size / groups);
    for (String input : node.inputs().subList(1, node.inputs().size())) {
      if (classes.size(input, 0) == groups) {
        links.coarse(in, 1, input, 0);
      } else {
        links.same(input, 0, in, 1);
      }
    }
  }

  private static void layerNorm(Node node, Links links) {
    String in = node.input(0);
    int rank = links.classes().rank(in);
    int first = Axes.wrap(node.integer("axis", -1), rank);
    for (int axis = 0; axis < rank; axis++) {
      links.same(in, axis, node.output(0), axis);
      if (axis >= first) {
        links.freeze(in, axis, "normalises over it");
      }
    }
  }

  private void softmax(Node node, Links links) {
    String in = node.input(0);
    int rank = links.classes().rank(in);
    int first = Axes.wrap(node.integer("axis", opset < 13 ? 1 : -1), rank);
    for (int axis = 0; axis < rank; axis++) {
      links.same(in, axis, node.output(0), axis);
      links.classes().nonZero(in, axis);
      if (axis == first || (opset < 13 && axis > first)) {
        links.freeze(in, axis, "normalises over it");
      }
    }
  }

  private static void window(Node node, Links links) {
    String in = node.input(0);
    String out = node.output(0);
    for (int axis = 0; axis < links.classes().rank(in); axis++) {
      if (axis < 2) {
        links.same(in, axis, out, axis);
      } else {
        links.freeze(in, axis, "works across it");
        links.freeze(out, axis, "works across it");
      }
    }
  }

  private void reduce(Node node, Links links) {
    String in = node.input(0);
    String out = node.output(0);
    int rank = links.classes().rank(in);
    boolean[] reduced = Axes.reduced(node, shapes, rank);
    if (reduced == null) {
      links.freezeAll("reduces axes that are computed");
      return;
    }
    boolean keeps = node.integer("keepdims", 1) != 0;
    int to = 0;
    for (int axis = 0; axis < rank; axis++) {
      if (!reduced[axis]) {
        links.same(in, axis, out, to);
        if (!REDUCTIONS_KEEPING_ZERO.contains(node.op())) {
          links.classes().nonZero(out, to);
        }
      } else if (node.op().equals("ReduceSum")) {
        links.free(in, axis);
        links.classes().contract(in, axis);
      } else {
        links.freeze(in, axis, "reduces it");
      }
      to += !reduced[axis] || keeps ? 1 : 0;
    }
  }
}
