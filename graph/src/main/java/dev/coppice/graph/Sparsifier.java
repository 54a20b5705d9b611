package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.AttributeProto.AttributeType;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.OperatorSetIdProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.coppice.CheckpointFormatException;
import dev.coppice.InvalidPlanException;
import dev.coppice.Tensor;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.Part;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Puts the operator {@code dev.coppice:SparseLinear} in the place of products by pruned weights of
 * an ONNX model, with the weights compressed. It holds the model in memory and does not change it.
 */
public final class Sparsifier {
  private static final String DOMAIN = "dev.coppice";
  private static final String NAME = "SparseLinear";

  /** The operator as {@link Node#op} gives it. */
  static final String OPERATOR = DOMAIN + "." + NAME;

  /** Says how a layer's weights are to be held. */
  public interface Choice {
    /**
     * Chooses for a layer.
     *
     * @param weights [out, in]
     */
    Decision of(LinearLayer layer, Tensor weights);
  }

  /** What becomes of a layer. */
  public sealed interface Decision {
    /**
     * Its weights are held in a format.
     *
     * @param format any but {@link Format#DENSE}
     */
    record Hold(Format format) implements Decision {
      /** Refuses what the operator does not have. */
      public Hold {
        if (format == Format.DENSE) {
          throw new IllegalArgumentException("the operator takes no dense weights");
        }
      }
    }

    /** It stays as it is. */
    record Leave(String why) implements Decision {}
  }

  private final Graph graph;
  private final Map<String, long[]> sizes;
  private final Map<String, List<LinearNode>> products = new LinkedHashMap<>();
  private final List<Sparsified.LeftAlone> unsuited = new ArrayList<>();

  private Sparsifier(Graph graph, Map<String, long[]> given) {
    this.graph = graph;
    this.sizes = InputSizes.of(graph, Shapes.infer(graph, Map.of()), given);
    Uses uses = new Uses(graph);
    for (Node node : graph.nodes()) {
      if (LinearNode.isProduct(node, graph)) {
        try {
          LinearNode found = LinearNode.of(node, graph, uses);
          // The same matrix from its other side is another layer.
          String key = (found.turned() ? "t " : "  ") + node.input(1);
          products.computeIfAbsent(key, name -> new ArrayList<>()).add(found);
        } catch (LinearNode.Unsuited e) {
          String why = String.valueOf(e.getMessage());
          unsuited.add(new Sparsified.LeftAlone(node.input(1), node.name(), why));
        }
      }
    }
  }

  /**
   * Reads a model and finds its linear layers.
   *
   * @param sizes shapes of the graph's inputs to run it for, by name; an axis of an open size that
   *     has none counts 1 as the first of its input, 224 in an image, 128 otherwise
   * @throws CheckpointFormatException if the file is damaged, or no model that can be rewritten
   * @throws InvalidPlanException if a size is given for what is no input, or that contradicts it
   */
  public static Sparsifier open(Path file, Map<String, long[]> sizes) throws IOException {
    return new Sparsifier(ModelFile.read(file), sizes);
  }

  static Sparsifier of(Graph graph) {
    return new Sparsifier(graph, Map.of());
  }

  /** Gives the shapes of the graph's inputs to run it for. */
  public Map<String, long[]> sizes() {
    return Collections.unmodifiableMap(sizes);
  }

  /** Gives the model as it is, as the bytes of one file. */
  public byte[] dense() {
    return graph.model().toByteArray();
  }

  /** Rewrites the layers that are chosen, one after the other. */
  public Sparsified rewrite(Choice choice) {
    Rewriting rewriting = new Rewriting();
    products.values().forEach(nodes -> rewriting.take(nodes, choice));
    return rewriting.done();
  }

  /** One rewriting of the graph. */
  private final class Rewriting {
    private final Map<Node, NodeProto> instead = new HashMap<>();
    private final Set<Node> gone = new HashSet<>();
    private final Set<String> bare = new HashSet<>();
    private final Set<String> taken = new HashSet<>();
    private final List<TensorProto> parts = new ArrayList<>();
    private final List<Sparsified.Row> rows = new ArrayList<>();
    private final List<Sparsified.LeftAlone> leftAlone = new ArrayList<>(unsuited);

    void take(List<LinearNode> nodes, Choice choice) {
      LinearNode first = nodes.get(0);
      List<String> names = nodes.stream().map(node -> node.node().name()).toList();
      LinearLayer layer =
          new LinearLayer(first.node().input(1), names, first.out(), first.in(), first.zeros());
      Tensor weights = first.matrix();
      Decision decision = choice.of(layer, weights);
      if (decision instanceof Decision.Hold hold) {
        hold(nodes, layer, hold.format(), weights);
      } else if (decision instanceof Decision.Leave leave) {
        leave(layer, leave.why());
      }
    }

    private void hold(List<LinearNode> nodes, LinearLayer layer, Format format, Tensor weights) {
      LinearWeights held;
      try {
        held = LinearWeights.compress(format, weights);
      } catch (IllegalArgumentException e) {
        leave(layer, String.valueOf(e.getMessage()));
        return;
      }
      List<String> inputs = add(nodes.get(0), held);
      nodes.forEach(node -> replace(node, held, inputs));
      rows.add(new Sparsified.Row(layer, format, held.bytes()));
    }

    private void leave(LinearLayer layer, String why) {
      layer
          .nodes()
          .forEach(node -> leftAlone.add(new Sparsified.LeftAlone(layer.name(), node, why)));
    }

    /** Adds the parts as initializers; gives their names as the operator takes them. */
    private List<String> add(LinearNode node, LinearWeights held) {
      Map<String, String> names = new HashMap<>();
      for (Part part : held.parts()) {
        String name = unused(node.node().input(1) + "/" + part.name());
        names.put(part.name(), name);
        TensorProto.Builder made =
            TensorProto.newBuilder().setName(name).setDataType(type(part).getNumber());
        for (long size : part.shape().toArray()) {
          made.addDims(size);
        }
        parts.add(made.setRawData(UnsafeByteOperations.unsafeWrap(part.data())).build());
      }
      String index =
          switch (held.format()) {
            case BITMAP -> "bits";
            case TWO_FOUR -> "positions";
            default -> "columns";
          };
      return List.of(names.get("values"), names.get(index), names.getOrDefault("offsets", ""));
    }

    private String unused(String wanted) {
      String name = graph.unused(wanted);
      while (!taken.add(name)) {
        name = graph.unused(name + "_");
      }
      return name;
    }

    private void replace(LinearNode layer, LinearWeights held, List<String> inputs) {
      NodeProto node = layer.node().proto();
      NodeProto.Builder made =
          NodeProto.newBuilder()
              .setDomain(DOMAIN)
              .setOpType(NAME)
              .setName(node.getName())
              .setDocString(node.getDocString())
              .addInput(node.getInput(0))
              .addAllInput(inputs)
              .addInput(layer.bias())
              .addOutput(layer.output())
              .addAttribute(
                  AttributeProto.newBuilder()
                      .setName("format")
                      .setType(AttributeType.STRING)
                      .setS(ByteString.copyFromUtf8(held.format().title())))
              .addAttribute(integer("out", held.out()))
              .addAttribute(integer("in", held.in()));
      instead.put(layer.node(), trimmed(made));
      if (layer.add() != null) {
        gone.add(layer.add());
        bare.add(node.getOutput(0));
      }
    }

    Sparsified done() {
      List<NodeProto> nodes =
          graph.nodes().stream()
              .filter(node -> !gone.contains(node))
              .map(node -> instead.getOrDefault(node, node.proto()))
              .toList();
      Needed needed = Needed.of(graph, nodes);
      GraphProto.Builder body =
          graph.model().getGraph().toBuilder().clearNode().clearInitializer().clearValueInfo();
      body.addAllNode(needed.nodes()).addAllInitializer(needed.initializers());
      graph.model().getGraph().getValueInfoList().stream()
          .filter(value -> !bare.contains(value.getName()))
          .forEach(body::addValueInfo);
      ModelProto.Builder model = graph.model().toBuilder().setGraph(body.addAllInitializer(parts));
      if (!rows.isEmpty()) {
        importDomain(model);
      }
      return new Sparsified(model.build(), graph.path(), rows, leftAlone);
    }
  }

  private static void importDomain(ModelProto.Builder model) {
    if (model.getOpsetImportList().stream().noneMatch(o -> o.getDomain().equals(DOMAIN))) {
      model.addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(DOMAIN).setVersion(1));
    }
  }

  /** Leaves out inputs at the end that are not there. */
  private static NodeProto trimmed(NodeProto.Builder node) {
    List<String> inputs = new ArrayList<>(node.getInputList());
    while (inputs.get(inputs.size() - 1).isEmpty()) {
      inputs.remove(inputs.size() - 1);
    }
    return node.clearInput().addAllInput(inputs).build();
  }

  private static AttributeProto integer(String name, long value) {
    return AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value).build();
  }

  private static DataType type(Part part) {
    return switch (part.type()) {
      case "U8" -> DataType.UINT8;
      case "U32" -> DataType.UINT32;
      case "I32" -> DataType.INT32;
      case "I64" -> DataType.INT64;
      default -> DataType.FLOAT;
    };
  }
}
