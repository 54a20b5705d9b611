package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorShapeProto;
import ai.onnx.proto.OnnxMl.TypeProto;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The shapes of a graph's values, and the contents of small integer vectors that shapes are
 * computed with. A size that an input decides is a symbol of {@link Dim}; a value whose rank cannot
 * be told has no shape.
 */
final class Shapes {
  /** Vectors of integers beyond this are data. */
  private static final int MOST_INTEGERS = 1024;

  private final Dim dim = new Dim();
  private final Map<String, long[]> shapes = new HashMap<>();
  private final Map<String, long[]> integers = new HashMap<>();

  private Shapes() {}

  /**
   * Infers the shapes of all values.
   *
   * @param sizes numbers for sizes that the graph's inputs leave open, by the input's name
   */
  static Shapes infer(Graph graph, Map<String, long[]> sizes) {
    Shapes shapes = new Shapes();
    graph.inputs().forEach((name, input) -> shapes.put(name, shapes.declared(input)));
    sizes.forEach(shapes::put);
    graph.tensors().forEach(shapes::putTensor);
    Map<String, ValueInfoProto> declared = new HashMap<>();
    graph.model().getGraph().getValueInfoList().forEach(v -> declared.put(v.getName(), v));
    ShapeRules rules = new ShapeRules(shapes);
    for (Node node : graph.nodes()) {
      if (!node.op().equals("Constant")) {
        try {
          IntegerRules.apply(node, shapes);
          rules.apply(node);
        } catch (IndexOutOfBoundsException | ArithmeticException | NegativeArraySizeException e) {
          throw graph.malformed(node);
        }
      }
      for (String output : node.outputs()) {
        ValueInfoProto found = declared.get(output);
        if (found != null && shapes.of(output) == null && !output.isEmpty()) {
          shapes.put(output, shapes.declared(found));
        }
      }
    }
    return shapes;
  }

  private long @Nullable [] declared(ValueInfoProto value) {
    TypeProto type = value.getType();
    if (!type.hasTensorType() || !type.getTensorType().hasShape()) {
      return null;
    }
    return type.getTensorType().getShape().getDimList().stream()
        .mapToLong(this::declared)
        .toArray();
  }

  private long declared(TensorShapeProto.Dimension size) {
    if (size.getDimValue() > 0) {
      return size.getDimValue();
    }
    String name = size.getDimParam();
    return name.isEmpty() || name.equals("?") ? dim.unknown() : dim.symbol("named", name);
  }

  private void putTensor(String name, TensorProto tensor) {
    long[] dims = TensorBytes.dims(tensor);
    put(name, dims);
    if (dims.length <= 1 && (dims.length == 0 || dims[0] <= MOST_INTEGERS)) {
      long[] stored = TensorBytes.integers(tensor);
      putIntegers(name, stored == null ? null : Arrays.stream(stored).map(Dim::number).toArray());
    }
  }

  Dim dim() {
    return dim;
  }

  /** Gives the shape of a value, or nothing where its rank is not known. */
  long @Nullable [] of(String value) {
    return shapes.get(value);
  }

  void put(String value, long @Nullable [] shape) {
    if (shape != null && !value.isEmpty()) {
      shapes.put(value, shape);
    }
  }

  /** Gives the elements of an integer scalar or vector, where they follow from shapes. */
  long @Nullable [] integers(String value) {
    return integers.get(value);
  }

  /** Gives the elements of an integer scalar or vector, if all are numbers. */
  long @Nullable [] numbers(String value) {
    long[] found = integers.get(value);
    return found != null && Arrays.stream(found).allMatch(Dim::isKnown) ? found : null;
  }

  void putIntegers(String value, long @Nullable [] elements) {
    if (elements != null && elements.length <= MOST_INTEGERS && !value.isEmpty()) {
      integers.put(value, elements);
    }
  }
}
