package dev.coppice.evaluation;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.UnsafeByteOperations;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The nodes and constants of a model, those of nested graphs included. */
final class ModelGraph {
  /** The depth that the format's own reader allows, in messages. */
  private static final int DEEPEST = 100;

  private final GraphProto main;
  private final List<NodeProto> nodes = new ArrayList<>();
  private final Map<String, NodeProto> makers = new HashMap<>();
  private final Map<String, TensorProto> constants = new HashMap<>();

  private ModelGraph(GraphProto main) {
    this.main = main;
    Deque<GraphProto> open = new ArrayDeque<>(List.of(main));
    while (!open.isEmpty()) {
      GraphProto graph = open.remove();
      graph.getInitializerList().forEach(tensor -> constants.put(tensor.getName(), tensor));
      for (NodeProto node : graph.getNodeList()) {
        nodes.add(node);
        node.getOutputList().forEach(output -> makers.put(output, node));
        for (AttributeProto attribute : node.getAttributeList()) {
          open.addAll(attribute.getGraphsList());
          if (attribute.hasG()) {
            open.add(attribute.getG());
          }
          if (attribute.hasT() && node.getOpType().equals("Constant")) {
            constants.put(node.getOutput(0), attribute.getT());
          }
        }
      }
    }
  }

  /** Reads a model; its tensors share the array. */
  static ModelGraph of(byte[] model) throws IOException {
    return new ModelGraph(parse(model).getGraph());
  }

  /** Whether a model says that it has operators of a domain; what is damaged says nothing. */
  static boolean imports(byte[] model, String domain) {
    try {
      return parse(model).getOpsetImportList().stream()
          .anyMatch(opset -> opset.getDomain().equals(domain));
    } catch (IOException e) {
      return false;
    }
  }

  private static ModelProto parse(byte[] model) throws IOException {
    CodedInputStream stream = UnsafeByteOperations.unsafeWrap(model).newCodedInput();
    stream.enableAliasing(true);
    stream.setRecursionLimit(DEEPEST);
    return ModelProto.parseFrom(stream);
  }

  GraphProto main() {
    return main;
  }

  List<NodeProto> nodes() {
    return nodes;
  }

  Iterable<TensorProto> constants() {
    return constants.values();
  }

  @Nullable NodeProto maker(String value) {
    return makers.get(value);
  }

  @Nullable TensorProto constant(String value) {
    return constants.get(value);
  }
}
