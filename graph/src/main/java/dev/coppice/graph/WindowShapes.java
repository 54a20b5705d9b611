package dev.coppice.graph;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The shapes that convolutions and pooling make. */
final class WindowShapes {
  private final Shapes shapes;
  private final Dim dim;

  WindowShapes(Shapes shapes) {
    this.shapes = shapes;
    this.dim = shapes.dim();
  }

  long @Nullable [] of(Node node, long[] first) {
    boolean pools = node.op().endsWith("Pool");
    long[] weight = pools ? null : shapes.of(node.input(1));
    if (first.length < 3 || (!pools && (weight == null || weight.length != first.length))) {
      return null;
    }
    int spatial = first.length - 2;
    long[] kernel = node.integers("kernel_shape");
    if (kernel == null) {
      if (weight == null) {
        return null;
      }
      kernel = Arrays.copyOfRange(weight, 2, weight.length);
    }
    long[] made = first.clone();
    if (weight != null) {
      boolean transposed = node.op().equals("ConvTranspose");
      made[1] = transposed ? dim.multiply(weight[1], node.integer("group", 1)) : weight[0];
    }
    for (int i = 0; i < spatial; i++) {
      made[2 + i] =
          node.op().equals("ConvTranspose")
              ? transposed(node, i, spatial, first[2 + i], kernel[i])
              : plain(node, i, spatial, first[2 + i], kernel[i]);
    }
    return made;
  }

  private long plain(Node node, int axis, int spatial, long size, long kernel) {
    long stride = at(node, "strides", axis, 1);
    long reach = at(node, "dilations", axis, 1) * (kernel - 1) + 1;
    String auto = node.text("auto_pad", "NOTSET");
    if (auto.startsWith("SAME")) {
      return Dim.isKnown(size)
          ? (size + stride - 1) / stride
          : stride == 1 ? size : dim.symbol("same", size, stride);
    }
    long pads =
        auto.equals("VALID") ? 0 : at(node, "pads", axis, 0) + at(node, "pads", axis + spatial, 0);
    return dim.windows(size, reach, pads, stride, node.integer("ceil_mode", 0) != 0);
  }

  private long transposed(Node node, int axis, int spatial, long size, long kernel) {
    if (node.has("output_shape") || !node.text("auto_pad", "NOTSET").equals("NOTSET")) {
      return dim.unknown();
    }
    long pads = at(node, "pads", axis, 0) + at(node, "pads", axis + spatial, 0);
    long reach = at(node, "dilations", axis, 1) * (kernel - 1) + 1;
    long more = at(node, "output_padding", axis, 0) + reach - pads;
    long stride = at(node, "strides", axis, 1);
    return dim.add(dim.multiply(dim.subtract(size, 1), stride), more);
  }

  private static long at(Node node, String attribute, int index, long otherwise) {
    long[] values = node.integers(attribute);
    return values == null || index >= values.length ? otherwise : values[index];
  }
}
