package dev.coppice.formats.onnx;

import dev.coppice.formats.onnx.Graph.Node;
import dev.coppice.sparse.Format;
import dev.coppice.spi.Checkpoint;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A layer of an ONNX model whose weights [out, in] are compressed: an operator SparseLinear of
 * Coppice's own (docs/sparsify.md).
 *
 * @param node the operator's name
 * @param values the name of the tensor of all weights that are not zero, and some zeros
 * @param bytes what the weights take
 */
public record SparseLayer(
    String node, String values, Format format, long out, long in, long bytes) {
  private static final String KEY = "dev.coppice/SparseLinear";

  /** Gives those of a model's main graph; none if it is no ONNX model. */
  public static List<SparseLayer> of(Checkpoint checkpoint) {
    return checkpoint instanceof OnnxCheckpoint onnx ? onnx.sparseLayers() : List.of();
  }

  /** Gives those of a graph; what could not be run is passed over. */
  static List<SparseLayer> of(Graph graph) {
    Map<String, StoredTensor> tensors = new HashMap<>();
    graph.initializers().forEach(tensor -> tensors.put(tensor.name(), tensor));
    return graph.nodes().stream()
        .filter(node -> node.key().equals(KEY))
        .flatMap(node -> of(node, tensors).stream())
        .toList();
  }

  private static Optional<SparseLayer> of(Node node, Map<String, StoredTensor> tensors) {
    List<StoredTensor> parts =
        node.inputs().stream().skip(1).limit(3).flatMap(n -> part(tensors, n)).toList();
    long out = node.integer("out", 0);
    long in = node.integer("in", 0);
    if (parts.size() < 2 || out < 1 || in < 1 || out > Long.MAX_VALUE / in) {
      return Optional.empty();
    }
    String values = parts.get(0).name();
    long bytes = parts.stream().mapToLong(StoredTensor::bytes).sum();
    return format(parts.get(1))
        .map(format -> new SparseLayer(node.label(), values, format, out, in, bytes));
  }

  private static Stream<StoredTensor> part(Map<String, StoredTensor> tensors, String name) {
    return Stream.ofNullable(tensors.get(name));
  }

  /** Tells the format by what says where the values stand. */
  private static Optional<Format> format(StoredTensor index) {
    return switch (index.type()) {
      case UINT8 -> Optional.of(Format.BITMAP);
      case UINT32 -> Optional.of(Format.TWO_FOUR);
      case INT32 -> Optional.of(Format.CSR);
      default -> Optional.empty();
    };
  }
}
