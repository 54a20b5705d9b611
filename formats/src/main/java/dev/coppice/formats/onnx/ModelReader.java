package dev.coppice.formats.onnx;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.formats.files.InputFile;
import dev.coppice.formats.onnx.Graph.Attribute;
import dev.coppice.formats.onnx.Graph.Function;
import dev.coppice.formats.onnx.Graph.Model;
import dev.coppice.formats.onnx.Graph.Node;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads a model file from its beginning to its end: all structure is checked, graphs are kept, data
 * are passed over and their places noted.
 */
final class ModelReader {
  private static final int LONGEST_INTEGERS = 64;

  private final InputFile file;
  private final ExternalFiles externals;
  private final Wire wire;
  private final List<StoredTensor> tensors = new ArrayList<>();

  ModelReader(InputFile file, ExternalFiles externals) {
    this.file = file;
    this.externals = externals;
    this.wire = new Wire(file);
  }

  /** Gives every tensor of the file, in the order of the file, once the model was read. */
  List<StoredTensor> tensors() {
    return tensors;
  }

  Model read() throws IOException {
    Message message = Message.root(wire);
    Graph graph = null;
    List<Graph> training = new ArrayList<>();
    List<Function> functions = new ArrayList<>();
    while (message.next()) {
      if (!message.isBody()) {
        continue;
      }
      switch (message.field()) {
        case 7 -> graph = once(graph, message, this::graph);
        case 8, 14, 26 -> MessageType.FLAT.checkField(message);
        case 20 -> training.addAll(training(message.message()));
        case 25 -> functions.add(function(message.message()));
        default -> {}
      }
    }
    if (graph == null) {
      throw CheckpointFormatException.of(Code.PROTO, file.path(), "has no graph: not a model");
    }
    return new Model(graph, training, functions);
  }

  private interface Reader<T> {
    T read(Message message) throws IOException;
  }

  /** Reads a field that may occur once; twice, it would have to be merged. */
  private <T> T once(@Nullable T before, Message message, Reader<T> reader) throws IOException {
    if (before != null) {
      throw CheckpointFormatException.at(
          Code.DUPLICATE_KEY, file.path(), message.tag(), "field " + message.field() + " again");
    }
    return reader.read(message.message());
  }

  private Graph graph(Message message) throws IOException {
    wire.spend(512);
    Graph graph =
        new Graph(
            new ArrayList<>(),
            new ArrayList<>(),
            new ArrayList<>(),
            new ArrayList<>(),
            new ArrayList<>());
    while (message.next()) {
      if (!message.isBody()) {
        continue;
      }
      switch (message.field()) {
        case 1 -> graph.nodes().add(node(message.message()));
        case 5 -> graph.initializers().add(tensor(message.message()));
        case 11 -> graph.inputs().add(valueName(message.message()));
        case 12 -> graph.outputs().add(valueName(message.message()));
        case 13 -> MessageType.VALUE_INFO.checkField(message);
        case 14 -> MessageType.ANNOTATION.checkField(message);
        case 15 -> graph.sparse().add(sparse(message.message()));
        case 16 -> MessageType.FLAT.checkField(message);
        default -> {}
      }
    }
    return graph;
  }

  private List<Graph> training(Message message) throws IOException {
    Graph initialization = null;
    Graph algorithm = null;
    while (message.next()) {
      if (message.isBody()) {
        switch (message.field()) {
          case 1 -> initialization = once(initialization, message, this::graph);
          case 2 -> algorithm = once(algorithm, message, this::graph);
          case 3, 4 -> MessageType.FLAT.checkField(message);
          default -> {}
        }
      }
    }
    List<Graph> graphs = new ArrayList<>();
    if (initialization != null) {
      graphs.add(initialization);
    }
    if (algorithm != null) {
      graphs.add(algorithm);
    }
    return graphs;
  }

  private Function function(Message message) throws IOException {
    wire.spend(512);
    String name = "";
    String domain = "";
    List<String> inputs = new ArrayList<>();
    List<Node> nodes = new ArrayList<>();
    while (message.next()) {
      if (!message.isBody()) {
        continue;
      }
      switch (message.field()) {
        case 1 -> name = message.string();
        case 4 -> inputs.add(message.string());
        case 7 -> nodes.add(node(message.message()));
        case 9, 14 -> MessageType.FLAT.checkField(message);
        case 10 -> domain = domain(message);
        case 11 -> attribute(message.message());
        case 12 -> MessageType.VALUE_INFO.checkField(message);
        default -> {}
      }
    }
    return new Function(domain, name, inputs, nodes);
  }

  private Node node(Message message) throws IOException {
    wire.spend(512);
    String name = "";
    String operator = "";
    String domain = "";
    List<String> inputs = new ArrayList<>();
    List<String> outputs = new ArrayList<>();
    List<Attribute> attributes = new ArrayList<>();
    while (message.next()) {
      if (!message.isBody()) {
        continue;
      }
      switch (message.field()) {
        case 1 -> inputs.add(message.string());
        case 2 -> outputs.add(message.string());
        case 3 -> name = message.string();
        case 4 -> operator = message.string();
        case 5 -> attributes.add(attribute(message.message()));
        case 7 -> domain = domain(message);
        case 9 -> MessageType.FLAT.checkField(message);
        case 10 -> MessageType.NODE_DEVICE.checkField(message);
        default -> {}
      }
    }
    return new Node(name, operator, domain, inputs, outputs, attributes);
  }

  private static String domain(Message message) throws IOException {
    String domain = message.string();
    return domain.equals("ai.onnx") ? "" : domain;
  }

  private Attribute attribute(Message message) throws IOException {
    wire.spend(256);
    String name = "";
    boolean reference = false;
    long integer = 0;
    List<Long> integers = new ArrayList<>(0);
    StoredTensor tensor = null;
    StoredTensor sparse = null;
    Graph graph = null;
    List<Graph> graphs = new ArrayList<>(0);
    while (message.next()) {
      switch (message.field()) {
        case 3 -> integer = message.isVarint() ? message.value() : integer;
        case 8 -> integers(message, integers);
        default -> {}
      }
      if (!message.isBody()) {
        continue;
      }
      switch (message.field()) {
        case 1 -> name = message.string();
        case 5 -> tensor = once(tensor, message, this::tensor);
        case 6 -> graph = once(graph, message, this::graph);
        case 7 -> floats(message);
        case 10 -> tensor(message.message());
        case 11 -> graphs.add(graph(message.message()));
        case 14, 15 -> MessageType.TYPE.checkField(message);
        case 21 -> reference = message.value() > 0;
        case 22 -> sparse = once(sparse, message, this::sparse);
        case 23 -> sparse(message.message());
        default -> {}
      }
    }
    if (graph != null) {
      graphs.add(graph);
    }
    return new Attribute(name, reference, integer, integers, tensor, sparse, graphs);
  }

  /** Keeps the integers of a short list, such as a permutation; a long one is never needed. */
  private void integers(Message message, List<Long> integers) throws IOException {
    message.varints(
        (value, end) -> {
          if (integers.size() < LONGEST_INTEGERS) {
            wire.spend(32);
            integers.add(value);
          }
        });
  }

  /** Nobody needs them, but a file that other readers refuse is none. */
  private void floats(Message message) throws IOException {
    if (message.value() % Float.BYTES != 0) {
      throw wire.bad(message.tag(), "a list of floats of " + message.value() + " bytes");
    }
  }

  private StoredTensor tensor(Message message) throws IOException {
    StoredTensor tensor = TensorReader.read(message, file, externals);
    tensors.add(tensor);
    return tensor;
  }

  /** Gives the tensor of its values: the initializer has their name. */
  private StoredTensor sparse(Message message) throws IOException {
    StoredTensor values = null;
    StoredTensor indices = null;
    while (message.next()) {
      if (message.isBody()) {
        switch (message.field()) {
          case 1 -> values = once(values, message, this::tensor);
          case 2 -> indices = once(indices, message, this::tensor);
          default -> {}
        }
      }
    }
    if (values == null) {
      throw CheckpointFormatException.at(
          Code.TENSOR_INFO, file.path(), message.start(), "a sparse tensor without values");
    }
    return values;
  }

  private String valueName(Message message) throws IOException {
    wire.spend(128);
    String name = "";
    while (message.next()) {
      if (message.isBody()) {
        switch (message.field()) {
          case 1 -> name = message.string();
          case 2 -> MessageType.TYPE.checkField(message);
          case 4 -> MessageType.FLAT.checkField(message);
          default -> {}
        }
      }
    }
    return name;
  }
}
