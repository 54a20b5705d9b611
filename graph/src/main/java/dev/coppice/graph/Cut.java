package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** Which indices stay when classes are removed. */
final class Cut {
  private final AxisClasses classes;
  private final Set<Integer> removed;
  private final Map<String, Slot> likes;

  /**
   * Makes a cut.
   *
   * @param removed the classes that go, as {@link AxisClasses#find} names them
   */
  Cut(AxisClasses classes, Set<Integer> removed) {
    this(classes, removed, Map.of());
  }

  private Cut(AxisClasses classes, Set<Integer> removed, Map<String, Slot> likes) {
    this.classes = classes;
    this.removed = Set.copyOf(removed);
    this.likes = Map.copyOf(likes);
  }

  /** Gives the same cut for a graph with further vectors, each cut like an axis that is known. */
  Cut with(Map<String, Slot> vectors) {
    return new Cut(classes, removed, vectors);
  }

  private Slot known(String value, int axis) {
    return likes.getOrDefault(value, new Slot(value, axis));
  }

  /** Gives the indices of an axis that stay; the axis must be one that can be cut. */
  int[] kept(String value, int axis) {
    return IntStream.range(0, size(value, axis)).filter(i -> !isRemoved(value, axis, i)).toArray();
  }

  private int size(String value, int axis) {
    Slot known = known(value, axis);
    return classes.size(known.tensor(), known.axis());
  }

  boolean isRemoved(String value, int axis, int index) {
    Slot known = known(value, axis);
    return classes.has(known.tensor(), known.axis())
        && removed.contains(classes.find(classes.atom(known.tensor(), known.axis(), index)));
  }

  boolean cuts(String value, int axis) {
    return IntStream.range(0, size(value, axis)).anyMatch(i -> isRemoved(value, axis, i));
  }

  boolean cuts(String value) {
    return IntStream.range(0, likes.containsKey(value) ? 1 : classes.rank(value))
        .anyMatch(axis -> cuts(value, axis));
  }

  /** Gives the shape of a value after the cut. */
  long[] shape(String value, long[] dense) {
    long[] cut = dense.clone();
    for (int axis = 0; axis < cut.length; axis++) {
      if (classes.has(value, axis)) {
        cut[axis] = kept(value, axis).length;
      }
    }
    return cut;
  }

  /** Takes the removed slices out of a tensor. */
  TensorProto removeFrom(TensorProto tensor) {
    TensorProto cut = tensor;
    for (int axis = 0; axis < tensor.getDimsCount(); axis++) {
      if (cuts(tensor.getName(), axis)) {
        cut = gather(cut, axis, kept(tensor.getName(), axis));
      }
    }
    return cut;
  }

  private static TensorProto gather(TensorProto tensor, int axis, int[] kept) {
    long[] dims = TensorBytes.dims(tensor);
    int inner = inner(tensor, dims, axis);
    int outer = product(dims, 0, axis);
    ByteBuffer bytes = TensorBytes.of(tensor);
    ByteBuffer made =
        ByteBuffer.allocate(Math.multiplyExact(outer * kept.length, inner))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (int row = 0; row < outer; row++) {
      for (int index : kept) {
        made.put(bytes.slice((row * (int) dims[axis] + index) * inner, inner));
      }
    }
    dims[axis] = kept.length;
    return TensorBytes.with(tensor, dims, made.flip());
  }

  /** Puts zeros where slices would be removed. */
  TensorProto zeroIn(TensorProto tensor) {
    if (!TensorBytes.isFloat(tensor.getDataType()) || !cuts(tensor.getName())) {
      return tensor;
    }
    long[] dims = TensorBytes.dims(tensor);
    ByteBuffer bytes = TensorBytes.of(tensor);
    byte[] made = new byte[bytes.remaining()];
    bytes.get(made);
    for (int axis = 0; axis < dims.length; axis++) {
      int inner = inner(tensor, dims, axis);
      int outer = product(dims, 0, axis);
      for (int index = 0; index < dims[axis]; index++) {
        if (isRemoved(tensor.getName(), axis, index)) {
          for (int row = 0; row < outer; row++) {
            int from = (row * (int) dims[axis] + index) * inner;
            Arrays.fill(made, from, from + inner, (byte) 0);
          }
        }
      }
    }
    return TensorBytes.with(tensor, dims, ByteBuffer.wrap(made));
  }

  private static int inner(TensorProto tensor, long[] dims, int axis) {
    return product(dims, axis + 1, dims.length) * TensorBytes.width(tensor.getDataType());
  }

  private static int product(long[] dims, int from, int to) {
    long product = 1;
    for (int i = from; i < to; i++) {
      product *= dims[i];
    }
    return Math.toIntExact(product);
  }
}
