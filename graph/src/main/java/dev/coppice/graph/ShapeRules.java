package dev.coppice.graph;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What shape each operator makes of its inputs' shapes. An operator without a rule makes none. */
final class ShapeRules {
  private final Shapes shapes;
  private final Dim dim;

  ShapeRules(Shapes shapes) {
    this.shapes = shapes;
    this.dim = shapes.dim();
  }

  /** Infers what a node makes. */
  void apply(Node node) {
    if (Operators.BROADCAST.contains(node.op())) {
      shapes.put(node.output(0), broadcast(node));
      return;
    }
    long[] first = shapes.of(node.input(0));
    if (first == null) {
      return;
    }
    if (Operators.UNARY.contains(node.op())) {
      shapes.put(node.output(0), first);
      return;
    }
    switch (node.op()) {
      case "BatchNormalization",
          "InstanceNormalization",
          "LayerNormalization",
          "GroupNormalization",
          "LRN",
          "LpNormalization",
          "Softmax",
          "LogSoftmax",
          "Hardmax",
          "CumSum" ->
          shapes.put(node.output(0), first);
      case "Conv", "ConvTranspose", "MaxPool", "AveragePool", "LpPool" ->
          shapes.put(node.output(0), new WindowShapes(shapes).of(node, first));
      case "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool" ->
          shapes.put(node.output(0), global(first));
      case "MatMul" -> shapes.put(node.output(0), matMul(node, first));
      case "Gemm" -> shapes.put(node.output(0), gemm(node, first));
      case "Split" -> split(node, first);
      default -> shapes.put(node.output(0), moved(node, first));
    }
  }

  private long @Nullable [] moved(Node node, long[] first) {
    return switch (node.op()) {
      case "Shape" -> new long[] {Objects.requireNonNull(shapes.integers(node.output(0))).length};
      case "Reshape" -> reshape(node, first);
      case "Flatten" -> flatten(node, first);
      case "Transpose" -> transpose(node, first);
      case "Squeeze" -> squeeze(node, first);
      case "Unsqueeze" -> unsqueeze(node, first);
      case "Concat" -> concat(node, first);
      case "Slice" -> slice(node, first);
      case "Gather" -> gather(node, first);
      case "Expand" -> expand(node, first);
      case "ConstantOfShape" -> shapes.integers(node.input(0));
      case "Pad" -> pad(node, first);
      case "Resize", "Upsample" -> resize(node, first);
      case "ReduceMean",
          "ReduceSum",
          "ReduceMax",
          "ReduceMin",
          "ReduceProd",
          "ReduceL1",
          "ReduceL2",
          "ReduceSumSquare",
          "ReduceLogSum",
          "ReduceLogSumExp" ->
          reduce(node, first);
      default -> null;
    };
  }

  private long @Nullable [] broadcast(Node node) {
    long[] made = {};
    for (String input : node.inputs()) {
      long[] shape = shapes.of(input);
      if (shape == null) {
        return null;
      }
      made = broadcast(made, shape);
    }
    return made;
  }

  private long[] broadcast(long[] a, long[] b) {
    long[] made = new long[Math.max(a.length, b.length)];
    for (int i = 1; i <= made.length; i++) {
      long left = i > a.length ? 1 : a[a.length - i];
      long right = i > b.length ? 1 : b[b.length - i];
      made[made.length - i] = dim.broadcast(left, right);
    }
    return made;
  }

  private static long[] global(long[] first) {
    long[] made = first.clone();
    Arrays.fill(made, Math.min(2, made.length), made.length, 1);
    return made;
  }

  private long @Nullable [] matMul(Node node, long[] a) {
    long[] b = shapes.of(node.input(1));
    if (b == null || a.length < 2 || b.length < 2) {
      return null;
    }
    long[] batch = broadcast(Arrays.copyOf(a, a.length - 2), Arrays.copyOf(b, b.length - 2));
    long[] made = Arrays.copyOf(batch, batch.length + 2);
    made[batch.length] = a[a.length - 2];
    made[batch.length + 1] = b[b.length - 1];
    return made;
  }

  private long @Nullable [] gemm(Node node, long[] a) {
    long[] b = shapes.of(node.input(1));
    if (b == null || a.length != 2 || b.length != 2) {
      return null;
    }
    return new long[] {
      a[node.integer("transA", 0) == 0 ? 0 : 1], b[node.integer("transB", 0) == 0 ? 1 : 0]
    };
  }

  private long @Nullable [] reshape(Node node, long[] first) {
    long[] target = shapes.integers(node.input(1));
    if (target == null) {
      long[] rank = shapes.of(node.input(1));
      return rank == null || rank.length != 1 || Dim.isSymbol(rank[0])
          ? null
          : unknown((int) rank[0]);
    }
    boolean copies = node.integer("allowzero", 0) == 0;
    long[] made = target.clone();
    List<Long> others = new ArrayList<>();
    int open = -1;
    for (int i = 0; i < made.length; i++) {
      if (made[i] == 0 && copies) {
        made[i] = i < first.length ? first[i] : dim.unknown();
      }
      if (made[i] == -1) {
        open = i;
      } else {
        others.add(made[i]);
      }
    }
    if (open >= 0) {
      made[open] = dim.quotient(first, others);
    }
    return made;
  }

  private long[] unknown(int rank) {
    long[] made = new long[rank];
    Arrays.setAll(made, i -> dim.unknown());
    return made;
  }

  private long[] flatten(Node node, long[] first) {
    int axis = Axes.wrap(node.integer("axis", 1), first.length);
    long[] made = {1, 1};
    for (int i = 0; i < first.length; i++) {
      made[i < axis ? 0 : 1] = dim.multiply(made[i < axis ? 0 : 1], first[i]);
    }
    return made;
  }

  private static long[] transpose(Node node, long[] first) {
    long[] order = node.integers("perm");
    long[] made = new long[first.length];
    for (int i = 0; i < made.length; i++) {
      made[i] = first[order == null ? made.length - 1 - i : (int) order[i]];
    }
    return made;
  }

  private long @Nullable [] squeeze(Node node, long[] first) {
    long[] axes = Axes.of(node, shapes);
    if (axes == null && !node.input(1).isEmpty()) {
      return null;
    }
    boolean[] gone = new boolean[first.length];
    for (int i = 0; i < gone.length; i++) {
      gone[i] = axes == null && first[i] == 1;
    }
    for (long axis : axes == null ? new long[0] : axes) {
      gone[Axes.wrap(axis, first.length)] = true;
    }
    List<Long> made = new ArrayList<>();
    for (int i = 0; i < first.length; i++) {
      if (!gone[i]) {
        made.add(first[i]);
      }
    }
    return made.stream().mapToLong(Long::longValue).toArray();
  }

  private long @Nullable [] unsqueeze(Node node, long[] first) {
    long[] axes = Axes.of(node, shapes);
    if (axes == null) {
      return null;
    }
    long[] made = new long[first.length + axes.length];
    for (long axis : axes) {
      made[Axes.wrap(axis, made.length)] = 1;
    }
    int from = 0;
    for (int i = 0; i < made.length; i++) {
      made[i] = made[i] == 1 ? 1 : first[from++];
    }
    return made;
  }

  private long @Nullable [] concat(Node node, long[] first) {
    int axis = Axes.wrap(node.integer("axis", 1), first.length);
    long[] made = first.clone();
    for (String input : node.inputs().subList(1, node.inputs().size())) {
      long[] shape = shapes.of(input);
      if (shape == null || shape.length != made.length) {
        return null;
      }
      for (int i = 0; i < made.length; i++) {
        made[i] =
            i == axis ? dim.add(made[i], shape[i]) : Dim.isKnown(shape[i]) ? shape[i] : made[i];
      }
    }
    return made;
  }

  private void split(Node node, long[] first) {
    int axis = Axes.wrap(node.integer("axis", 0), first.length);
    long[] sizes = node.has("split") ? node.integers("split") : shapes.integers(node.input(1));
    if (sizes == null && !node.input(1).isEmpty()) {
      return;
    }
    int parts = node.outputs().size();
    long each =
        Dim.isKnown(first[axis])
            ? (first[axis] + parts - 1) / parts
            : dim.divide(first[axis], parts);
    for (int i = 0; i < parts; i++) {
      long[] made = first.clone();
      boolean last = i == parts - 1 && Dim.isKnown(first[axis]);
      made[axis] = sizes != null ? sizes[i] : last ? first[axis] - i * each : each;
      shapes.put(node.output(i), made);
    }
  }

  private long @Nullable [] slice(Node node, long[] first) {
    SliceBounds bounds = SliceBounds.of(node, shapes, first.length);
    if (bounds == null) {
      return unknown(first.length);
    }
    long[] made = first.clone();
    for (int i = 0; i < made.length; i++) {
      if (bounds.cuts(i)) {
        made[i] = part(first[i], bounds.start(i), bounds.end(i), bounds.step(i));
      }
    }
    return made;
  }

  private long part(long size, long start, long end, long step) {
    boolean toEnd = Dim.isKnown(end) && end >= Integer.MAX_VALUE;
    if (start == 0 && step == 1 && (toEnd || end == size)) {
      return size;
    }
    if (Dim.isSymbol(start) || Dim.isSymbol(end) || Dim.isSymbol(size) || step <= 0) {
      return start == 0 && step == 1 && Dim.isSymbol(end)
          ? end // Exporters write it where the end is within the axis.
          : dim.symbol("slice", size, start, end, step);
    }
    long from = IntegerRules.bound(start, (int) size);
    long to = IntegerRules.bound(end, (int) size);
    return Math.max(0, (to - from + step - 1) / step);
  }

  private long @Nullable [] gather(Node node, long[] first) {
    long[] indices = shapes.of(node.input(1));
    if (indices == null) {
      return null;
    }
    int axis = Axes.wrap(node.integer("axis", 0), first.length);
    long[] made = new long[first.length - 1 + indices.length];
    System.arraycopy(first, 0, made, 0, axis);
    System.arraycopy(indices, 0, made, axis, indices.length);
    System.arraycopy(first, axis + 1, made, axis + indices.length, first.length - axis - 1);
    return made;
  }

  private long @Nullable [] expand(Node node, long[] first) {
    long[] target = shapes.integers(node.input(1));
    return target == null ? null : broadcast(first, target);
  }

  private long[] pad(Node node, long[] first) {
    long[] pads = node.has("pads") ? node.integers("pads") : shapes.integers(node.input(1));
    if (pads == null || pads.length != 2 * first.length) {
      return unknown(first.length);
    }
    long[] made = first.clone();
    for (int i = 0; i < made.length; i++) {
      made[i] = dim.add(made[i], dim.add(pads[i], pads[i + made.length]));
    }
    return made;
  }

  private long[] resize(Node node, long[] first) {
    long[] sizes = shapes.integers(node.input(3));
    if (sizes != null && sizes.length == first.length) {
      return sizes;
    }
    long[] made = unknown(first.length);
    System.arraycopy(first, 0, made, 0, Math.min(2, made.length));
    return made;
  }

  private long @Nullable [] reduce(Node node, long[] first) {
    boolean[] reduced = Axes.reduced(node, shapes, first.length);
    if (reduced == null) {
      return null;
    }
    boolean keeps = node.integer("keepdims", 1) != 0;
    List<Long> made = new ArrayList<>();
    for (int i = 0; i < first.length; i++) {
      if (!reduced[i]) {
        made.add(first[i]);
      } else if (keeps) {
        made.add(1L);
      }
    }
    return made.stream().mapToLong(Long::longValue).toArray();
  }
}
