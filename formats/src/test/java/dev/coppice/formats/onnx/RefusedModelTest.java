package dev.coppice.formats.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

class RefusedModelTest {
  private static final long SECOND = 1_000_000_000;

  @TempDir static Path folder;

  /** Opens each model that is named in a process of its own; says what came of it. */
  static final class Opening {
    public static void main(String[] files) throws IOException {
      for (String file : Files.readAllLines(Path.of(files[0]))) {
        long begin = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
        String outcome = outcome(Path.of(file));
        long used = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - begin;
        System.out.println(file + "\t" + outcome + "\t" + (used < SECOND ? "quick" : "slow"));
      }
    }

    private static String outcome(Path file) throws IOException {
      try (Checkpoint opened = new OnnxFormat().open(file)) {
        return "opened with " + opened.tensors().size() + " tensors";
      } catch (CheckpointFormatException e) {
        return e.code().name();
      }
    }
  }

  @TestFactory
  Stream<DynamicTest> everyBadModelIsRefusedWithItsCodeInASecondAndASmallHeap() throws Exception {
    Map<Path, Code> models = BadModels.write(folder);
    Path list =
        Files.write(folder.resolve("list"), models.keySet().stream().map(Path::toString).toList());
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-cp",
                System.getProperty("java.class.path"),
                Opening.class.getName(),
                list.toString())
            .redirectErrorStream(true)
            .start();
    List<String> lines = new ArrayList<>();
    process.inputReader().lines().forEach(lines::add);
    assertThat(process.waitFor()).as(String.join("\n", lines)).isZero();
    return models.entrySet().stream()
        .map(
            model ->
                DynamicTest.dynamicTest(
                    folder.relativize(model.getKey()).toString(),
                    () ->
                        assertThat(lines)
                            .contains(model.getKey() + "\t" + model.getValue() + "\tquick")));
  }

  @Test
  void twoDotsInsideANameAreFine(@TempDir Path here) throws IOException {
    Files.write(here.resolve("w..bin"), new byte[12]);
    Path file =
        Models.write(
            here.resolve("m.onnx"),
            Models.model(
                GraphProto.newBuilder()
                    .addInitializer(
                        Models.external(
                            "w", List.of(3L), "location", "./w..bin", "checksum", "?"))));
    try (Checkpoint checkpoint = new OnnxFormat().open(file)) {
      assertThat(checkpoint.tensors()).hasSize(1);
      assertThat(checkpoint.bytes()).isEqualTo(Files.size(file) + 12);
    }
  }

  @Test
  void aHundredMessagesInsideEachOtherAreReadAsTheLibraryReadsThem(@TempDir Path here)
      throws IOException {
    byte[] model = Bytes.field(7, BadModels.nested(99, 1, 5, 6));
    assertThat(ModelProto.parseFrom(model).getGraph().getNodeCount()).isOne();
    new OnnxFormat().open(Files.write(here.resolve("m.onnx"), model)).close();
  }

  @Test
  void aFolderWithTwoModelsIsRefused(@TempDir Path here) throws IOException {
    Models.write(here.resolve("a.onnx"), Models.model(GraphProto.newBuilder()));
    assertThat(new OnnxFormat().accepts(here)).isTrue();
    new OnnxFormat().open(here).close();
    Models.write(here.resolve("b.ONNX"), Models.model(GraphProto.newBuilder()));
    assertThatExceptionOfType(CheckpointFormatException.class)
        .isThrownBy(() -> new OnnxFormat().open(here))
        .withMessageContaining("has 2 .onnx files");
  }

  @Test
  void theMessageNamesFileTensorAndOffset(@TempDir Path here) throws IOException {
    Path file =
        Models.write(
            here.resolve("m.onnx"),
            Models.model(
                GraphProto.newBuilder()
                    .addInitializer(Models.floats("w", 3).toBuilder().clearRawData())));
    assertThatExceptionOfType(CheckpointFormatException.class)
        .isThrownBy(() -> new OnnxFormat().open(file))
        .withMessageMatching(
            ".*m\\.onnx: TENSOR_SIZE, tensor \"w\", offset \\d+:"
                + " has 0 values in float_data and needs 3");
  }
}
