package dev.coppice.formats.onnx;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A graph as far as the search for weights needs it.
 *
 * @param sparse the values of its sparse initializers
 */
record Graph(
    List<Node> nodes,
    List<StoredTensor> initializers,
    List<StoredTensor> sparse,
    List<String> inputs,
    List<String> outputs) {

  /** An operator of a graph; standard domains are empty. */
  record Node(
      String name,
      String operator,
      String domain,
      List<String> inputs,
      List<String> outputs,
      List<Attribute> attributes) {

    /** Gives its name, or what stands for it: operator and first output. */
    String label() {
      return !name.isEmpty() ? name : operator + (outputs.isEmpty() ? "" : ":" + outputs.get(0));
    }

    /** Gives what a function that it may call is known by. */
    String key() {
      return domain + "/" + operator;
    }

    Optional<Attribute> attribute(String key) {
      return attributes.stream().filter(attribute -> attribute.name().equals(key)).findFirst();
    }

    /** Gives an integer attribute. */
    long integer(String key, long otherwise) {
      return attribute(key).map(Attribute::integer).orElse(otherwise);
    }
  }

  /**
   * An attribute of a node.
   *
   * @param reference whether its value is an attribute of the function around it
   */
  record Attribute(
      String name,
      boolean reference,
      long integer,
      List<Long> integers,
      @Nullable StoredTensor tensor,
      @Nullable StoredTensor sparse,
      List<Graph> graphs) {}

  /** A function that a model defines. */
  record Function(String domain, String name, List<String> inputs, List<Node> nodes) {
    /** Gives what nodes call it by. */
    String key() {
      return domain + "/" + name;
    }
  }

  /**
   * A whole model.
   *
   * @param training the graphs of its training information
   */
  record Model(Graph graph, List<Graph> training, List<Function> functions) {}
}
