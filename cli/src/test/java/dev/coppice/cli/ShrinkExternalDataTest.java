package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the command shrink does with a model whose data are in another file. */
class ShrinkExternalDataTest {
  private static final Path DATA =
      Path.of(System.getProperty("coppice.root", ".."))
          .resolve("evaluation/src/main/resources/dev/coppice/evaluation/fashion");
  private static final String IMAGES = DATA.resolve("t1k-images-idx3-ubyte.gz").toString();

  @TempDir Path folder;
  private Path model;

  @BeforeEach
  void writeModel() throws IOException {
    ModelProto dense =
        ModelProto.parseFrom(Files.readAllBytes(DATA.resolve("fashion-resnet.onnx")));
    GraphProto.Builder graph = dense.getGraph().toBuilder();
    ByteArrayOutputStream data = new ByteArrayOutputStream();
    for (TensorProto.Builder tensor : graph.getInitializerBuilderList()) {
      byte[] bytes = tensor.getRawData().toByteArray();
      if (bytes.length > 0) {
        tensor
            .clearRawData()
            .setDataLocation(TensorProto.DataLocation.EXTERNAL)
            .addExternalData(entry("location", "weights.bin"))
            .addExternalData(entry("offset", String.valueOf(data.size())))
            .addExternalData(entry("length", String.valueOf(bytes.length)));
        data.write(bytes);
      }
    }
    Files.write(folder.resolve("weights.bin"), data.toByteArray());
    model = folder.resolve("model.onnx");
    Files.write(model, dense.toBuilder().setGraph(graph).build().toByteArray());
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  @Test
  void itIsCalibratedRepairedMeasuredAndTimed() {
    Invocation shrink =
        Invocation.of(
            "shrink",
            model,
            "-o",
            folder.resolve("small.onnx"),
            "--target=macs=0.8",
            "--criterion=activation",
            "--repair",
            "--calibration=" + IMAGES,
            "--samples=32",
            "--eval=" + IMAGES + ":accuracy",
            "--eval-samples=64",
            "--latency",
            "--threads=1");
    assertThat(shrink.err()).isEmpty();
    assertThat(shrink.out()).contains("quality accuracy", "latency", "wrote ");
  }

  @Test
  void aPrunedCopyOfItLeavesNothingBehind() throws IOException {
    Path recipe = folder.resolve("recipe.json");
    Files.writeString(recipe, "{\"rules\": [{\"sparsity\": 0.5}]}");
    List<Path> before = copies();
    Invocation shrink =
        Invocation.of(
            "shrink",
            model,
            "-o",
            folder.resolve("small.onnx"),
            "--target=macs=0.8",
            "--recipe",
            recipe);
    assertThat(shrink.err()).isEmpty();
    assertThat(folder.resolve("small.onnx")).exists();
    assertThat(copies()).isEqualTo(before);
  }

  private static List<Path> copies() throws IOException {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("coppice-shrink-"))
          .sorted()
          .toList();
    }
  }
}
