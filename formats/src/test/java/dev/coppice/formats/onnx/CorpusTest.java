package dev.coppice.formats.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.formats.files.InputFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Finds in the models of Debian's libonnx-testdata the tensors that onnx.proto's classes find. */
class CorpusTest {
  private static final Path CORPUS = Path.of("/usr/share/libonnx-testdata");

  @Test
  void everyTensorIsFoundWithItsTypeAndShape() throws IOException {
    assumeThat(CORPUS).as("libonnx-testdata is not installed").exists();
    List<Path> models;
    try (Stream<Path> files = Files.walk(CORPUS)) {
      models = files.filter(file -> file.toString().endsWith(".onnx")).toList();
    }
    assertThat(models).hasSizeGreaterThan(1000);
    for (Path model : models) {
      assertThat(found(model))
          .as(model.toString())
          .containsExactlyInAnyOrderElementsOf(parsed(model));
    }
  }

  private static List<String> found(Path model) throws IOException {
    try (InputFile file = InputFile.open(model);
        ExternalFiles externals = new ExternalFiles(model)) {
      ModelReader reader = new ModelReader(file, externals);
      reader.read();
      return reader.tensors().stream()
          .map(tensor -> tensor.name() + " " + tensor.type() + " " + tensor.shape())
          .toList();
    }
  }

  private static List<String> parsed(Path model) throws IOException {
    List<String> tensors = new ArrayList<>();
    ModelProto parsed = ModelProto.parseFrom(Files.readAllBytes(model));
    collect(parsed.getGraph(), tensors);
    parsed.getTrainingInfoList().forEach(info -> collect(info.getInitialization(), tensors));
    parsed.getTrainingInfoList().forEach(info -> collect(info.getAlgorithm(), tensors));
    parsed.getFunctionsList().forEach(function -> nodes(function.getNodeList(), tensors));
    return tensors;
  }

  private static void collect(GraphProto graph, List<String> tensors) {
    graph.getInitializerList().forEach(tensor -> add(tensor, tensors));
    graph
        .getSparseInitializerList()
        .forEach(
            sparse -> {
              add(sparse.getValues(), tensors);
              add(sparse.getIndices(), tensors);
            });
    nodes(graph.getNodeList(), tensors);
  }

  private static void nodes(List<NodeProto> nodes, List<String> tensors) {
    for (NodeProto node : nodes) {
      for (AttributeProto attribute : node.getAttributeList()) {
        if (attribute.hasT()) {
          add(attribute.getT(), tensors);
        }
        if (attribute.hasG()) {
          collect(attribute.getG(), tensors);
        }
        if (attribute.hasSparseTensor()) {
          add(attribute.getSparseTensor().getValues(), tensors);
          add(attribute.getSparseTensor().getIndices(), tensors);
        }
        attribute.getTensorsList().forEach(tensor -> add(tensor, tensors));
        attribute.getGraphsList().forEach(graph -> collect(graph, tensors));
      }
    }
  }

  private static void add(TensorProto tensor, List<String> tensors) {
    long[] dims = tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
    tensors.add(
        tensor.getName()
            + " "
            + TensorProto.DataType.forNumber(tensor.getDataType())
            + " "
            + dev.coppice.Shape.of(dims));
  }
}
