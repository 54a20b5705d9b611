package dev.coppice.evaluation;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import ai.onnx.proto.OnnxMl.ValueInfoProto;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which integers an input of a graph may hold, found by following it to where its values are used:
 * as rows of a table, or as sizes.
 */
final class InputBounds {
  /** What hands the values of these inputs on as they are; all inputs where none is named. */
  private static final Map<String, Set<Integer>> PASSING =
      Map.ofEntries(
          Map.entry("Identity", Set.of()),
          Map.entry("Cast", Set.of()),
          Map.entry("Flatten", Set.of()),
          Map.entry("Transpose", Set.of()),
          Map.entry("Concat", Set.of()),
          Map.entry("Min", Set.of()),
          Map.entry("Max", Set.of()),
          Map.entry("Where", Set.of(1, 2)),
          Map.entry("Reshape", Set.of(0)),
          Map.entry("Squeeze", Set.of(0)),
          Map.entry("Unsqueeze", Set.of(0)),
          Map.entry("Expand", Set.of(0)),
          Map.entry("Tile", Set.of(0)),
          Map.entry("Slice", Set.of(0)),
          Map.entry("Split", Set.of(0)),
          Map.entry("Gather", Set.of(0)),
          Map.entry("Clip", Set.of(0)),
          Map.entry("Pad", Set.of(0)));

  /** What takes sizes, counts or places from these inputs; all inputs where none is named. */
  private static final Map<String, Set<Integer>> SIZING =
      Map.ofEntries(
          Map.entry("ConstantOfShape", Set.of()),
          Map.entry("Range", Set.of()),
          Map.entry("Reshape", Set.of(1)),
          Map.entry("Expand", Set.of(1)),
          Map.entry("Tile", Set.of(1)),
          Map.entry("TopK", Set.of(1)),
          Map.entry("Resize", Set.of(3)),
          Map.entry("Slice", Set.of(2, 4)));

  /** Integers from the first on that are smaller than the second. */
  record Range(long from, long below) {
    private Range and(Range other) {
      long least = Math.max(from, other.from);
      return new Range(least, Math.max(least + 1, Math.min(below, other.below)));
    }
  }

  private record Use(NodeProto node, int slot) {}

  private record Place(String value, long added) {}

  private final ModelGraph graph;
  private final Map<String, List<Use>> uses = new HashMap<>();

  private InputBounds(ModelGraph graph) {
    this.graph = graph;
    for (NodeProto node : graph.nodes()) {
      for (int slot = 0; slot < node.getInputCount(); slot++) {
        uses.computeIfAbsent(node.getInput(slot), name -> new ArrayList<>())
            .add(new Use(node, slot));
      }
    }
  }

  /**
   * Gives the values that inputs may have, by their names: such that no table ends before them, and
   * 1 alone if they are used as a size. Inputs that neither is so for are left out.
   */
  static Map<String, Range> of(ModelGraph graph) {
    InputBounds bounds = new InputBounds(graph);
    Map<String, Range> ranges = new HashMap<>();
    for (ValueInfoProto input : graph.main().getInputList()) {
      bounds.of(input.getName()).ifPresent(range -> ranges.put(input.getName(), range));
    }
    return ranges;
  }

  private Optional<Range> of(String input) {
    List<Range> ranges = new ArrayList<>();
    Set<String> seen = new HashSet<>(Set.of(input));
    Deque<Place> open = new ArrayDeque<>(List.of(new Place(input, 0)));
    while (!open.isEmpty()) {
      Place place = open.remove();
      for (Use use : uses.getOrDefault(place.value(), List.of())) {
        range(use, place.added()).ifPresent(ranges::add);
        OptionalLong added = added(use);
        for (String output : added.isPresent() ? use.node().getOutputList() : List.<String>of()) {
          if (seen.add(output)) {
            open.add(new Place(output, place.added() + added.getAsLong()));
          }
        }
      }
    }
    return ranges.stream().reduce(Range::and);
  }

  private Optional<Range> range(Use use, long added) {
    if (isOne(SIZING, use)) {
      return Optional.of(new Range(1, 2));
    }
    OptionalLong rows = rows(use);
    return rows.isPresent()
        ? Optional.of(new Range(0, Math.max(1, rows.getAsLong() - added)))
        : Optional.empty();
  }

  /**
   * Gives what a use adds to the values that it hands on; nothing if it hands on something else.
   */
  private OptionalLong added(Use use) {
    String op = use.node().getOpType();
    if (isOne(PASSING, use)) {
      return OptionalLong.of(0);
    }
    if (use.node().getInputCount() == 2 && (op.equals("Add") || op.equals("Sub"))) {
      OptionalLong constant = integer(graph.constant(use.node().getInput(1 - use.slot())));
      if (constant.isPresent() && (op.equals("Add") || use.slot() == 0)) {
        return OptionalLong.of(op.equals("Add") ? constant.getAsLong() : -constant.getAsLong());
      }
    }
    return OptionalLong.empty();
  }

  private static boolean isOne(Map<String, Set<Integer>> kinds, Use use) {
    Set<Integer> slots = kinds.get(use.node().getOpType());
    return slots != null && (slots.isEmpty() || slots.contains(use.slot()));
  }

  private OptionalLong rows(Use use) {
    NodeProto node = use.node();
    return switch (node.getOpType()) {
      case "Gather", "GatherElements" ->
          use.slot() == 1 ? size(node.getInput(0), axis(node)) : OptionalLong.empty();
      // The operator that ONNX Runtime's own optimiser writes: ids and segments, then their tables.
      case "EmbedLayerNormalization" ->
          use.slot() < 2 ? size(node.getInput(2 + 2 * use.slot()), 0) : OptionalLong.empty();
      default -> OptionalLong.empty();
    };
  }

  private static long axis(NodeProto node) {
    return node.getAttributeList().stream()
        .filter(attribute -> attribute.getName().equals("axis"))
        .mapToLong(AttributeProto::getI)
        .findFirst()
        .orElse(0);
  }

  /** Gives a size of a constant, or of what is made of one value by value. */
  private OptionalLong size(String value, long axis) {
    Set<String> seen = new HashSet<>();
    String name = value;
    while (seen.add(name)) {
      TensorProto table = graph.constant(name);
      if (table != null) {
        int index = (int) (axis < 0 ? axis + table.getDimsCount() : axis);
        return index >= 0 && index < table.getDimsCount()
            ? OptionalLong.of(table.getDims(index))
            : OptionalLong.empty();
      }
      NodeProto maker = graph.maker(name);
      if (maker != null
          && Set.of("Identity", "Cast", "DequantizeLinear").contains(maker.getOpType())) {
        name = maker.getInput(0);
      }
    }
    return OptionalLong.empty();
  }

  /** Reads a constant of one integer. */
  private static OptionalLong integer(@Nullable TensorProto tensor) {
    if (tensor == null || tensor.getDimsList().stream().anyMatch(size -> size != 1)) {
      return OptionalLong.empty();
    }
    ByteBuffer raw = tensor.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
    return switch (DataType.forNumber(tensor.getDataType())) {
      case INT64 ->
          tensor.getInt64DataCount() == 1
              ? OptionalLong.of(tensor.getInt64Data(0))
              : raw.remaining() == 8 ? OptionalLong.of(raw.getLong()) : OptionalLong.empty();
      case INT32 ->
          tensor.getInt32DataCount() == 1
              ? OptionalLong.of(tensor.getInt32Data(0))
              : raw.remaining() == 4 ? OptionalLong.of(raw.getInt()) : OptionalLong.empty();
      default -> OptionalLong.empty();
    };
  }
}
