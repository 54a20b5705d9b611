package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A node of a graph. */
final class Node {
  private final NodeProto proto;
  private final Map<String, AttributeProto> attributes = new HashMap<>();

  Node(NodeProto proto) {
    this.proto = proto;
    proto.getAttributeList().forEach(attribute -> attributes.put(attribute.getName(), attribute));
  }

  NodeProto proto() {
    return proto;
  }

  /** Gives the operator, with its domain unless that is ONNX's own. */
  String op() {
    String domain = proto.getDomain();
    return domain.isEmpty() || domain.equals("ai.onnx")
        ? proto.getOpType()
        : domain + "." + proto.getOpType();
  }

  /** Gives a name to show: the node's, or that of what it makes. */
  String name() {
    if (!proto.getName().isEmpty()) {
      return proto.getName();
    }
    return proto.getOpType() + (proto.getOutputCount() == 0 ? "" : "(" + proto.getOutput(0) + ")");
  }

  List<String> inputs() {
    return proto.getInputList();
  }

  List<String> outputs() {
    return proto.getOutputList();
  }

  /** Gives the name of an input; empty where it is left out. */
  String input(int index) {
    return index < proto.getInputCount() ? proto.getInput(index) : "";
  }

  String output(int index) {
    return index < proto.getOutputCount() ? proto.getOutput(index) : "";
  }

  boolean has(String attribute) {
    return attributes.containsKey(attribute);
  }

  long integer(String attribute, long otherwise) {
    AttributeProto found = attributes.get(attribute);
    return found == null ? otherwise : found.getI();
  }

  double real(String attribute, double otherwise) {
    AttributeProto found = attributes.get(attribute);
    return found == null ? otherwise : found.getF();
  }

  String text(String attribute, String otherwise) {
    AttributeProto found = attributes.get(attribute);
    return found == null ? otherwise : found.getS().toStringUtf8();
  }

  /** Gives a list of integers, or nothing where the attribute is absent. */
  long @Nullable [] integers(String attribute) {
    AttributeProto found = attributes.get(attribute);
    return found == null ? null : found.getIntsList().stream().mapToLong(Dim::number).toArray();
  }

  @Override
  public String toString() {
    return proto.getOpType() + " " + name();
  }
}
