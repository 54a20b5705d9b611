package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import java.util.Arrays;
import java.util.function.LongBinaryOperator;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Computes the small integer vectors that exporters compute shapes with. */
final class IntegerRules {
  private IntegerRules() {}

  static void apply(Node node, Shapes shapes) {
    shapes.putIntegers(node.output(0), compute(node, shapes));
  }

  private static long @Nullable [] compute(Node node, Shapes shapes) {
    long[] first = shapes.integers(node.input(0));
    Dim dim = shapes.dim();
    return switch (node.op()) {
      case "Shape" -> shape(node, shapes);
      case "Identity", "Unsqueeze", "Squeeze", "Reshape" -> first;
      case "Cast" -> isInteger(node.integer("to", 0)) ? first : null;
      case "Gather" -> gather(node, first, shapes);
      case "Concat" -> concat(node, shapes);
      case "Slice" -> slice(node, first, shapes);
      case "Add" -> pairwise(node, shapes, dim::add);
      case "Sub" -> pairwise(node, shapes, dim::subtract);
      case "Mul" -> pairwise(node, shapes, dim::multiply);
      case "Div" -> pairwise(node, shapes, dim::divide);
      default -> null;
    };
  }

  private static boolean isInteger(long type) {
    return type == DataType.INT64.getNumber() || type == DataType.INT32.getNumber();
  }

  private static long @Nullable [] shape(Node node, Shapes shapes) {
    long[] of = shapes.of(node.input(0));
    if (of == null) {
      return null;
    }
    int start = bound(node.integer("start", 0), of.length);
    int end = bound(node.integer("end", of.length), of.length);
    return Arrays.copyOfRange(of, Math.min(start, end), end);
  }

  static int bound(long index, int length) {
    return (int) Math.max(0, Math.min(length, index < 0 ? index + length : index));
  }

  private static long @Nullable [] gather(Node node, long @Nullable [] data, Shapes shapes) {
    long[] indices = shapes.numbers(node.input(1));
    if (data == null || indices == null) {
      return null;
    }
    long[] made = new long[indices.length];
    for (int i = 0; i < made.length; i++) {
      long index = indices[i] < 0 ? indices[i] + data.length : indices[i];
      if (index < 0 || index >= data.length) {
        return null;
      }
      made[i] = data[(int) index];
    }
    return made;
  }

  private static long @Nullable [] concat(Node node, Shapes shapes) {
    LongStream all = LongStream.empty();
    for (String input : node.inputs()) {
      long[] part = shapes.integers(input);
      if (part == null) {
        return null;
      }
      all = LongStream.concat(all, Arrays.stream(part));
    }
    return all.toArray();
  }

  private static long @Nullable [] slice(Node node, long @Nullable [] data, Shapes shapes) {
    SliceBounds bounds = SliceBounds.of(node, shapes, 1);
    if (data == null || bounds == null || !bounds.isConstant() || bounds.step(0) != 1) {
      return null;
    }
    int start = bound(bounds.start(0), data.length);
    int end = bound(bounds.end(0), data.length);
    return start > end ? new long[0] : Arrays.copyOfRange(data, start, end);
  }

  private static long @Nullable [] pairwise(Node node, Shapes shapes, LongBinaryOperator operator) {
    long[] a = shapes.integers(node.input(0));
    long[] b = shapes.integers(node.input(1));
    if (a == null || b == null || (a.length != b.length && a.length != 1 && b.length != 1)) {
      return null;
    }
    long[] made = new long[Math.max(a.length, b.length)];
    for (int i = 0; i < made.length; i++) {
      made[i] = operator.applyAsLong(a[a.length == 1 ? 0 : i], b[b.length == 1 ? 0 : i]);
    }
    return made;
  }
}
