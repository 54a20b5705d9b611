package dev.coppice.formats.onnx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnx.proto.OnnxMl.ModelProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import ai.onnx.proto.OnnxMl.TensorProto;
import dev.coppice.Axes;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor.Role;
import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ExternalDataTest {
  private static final int COUNT = 4_000;
  private static final String LONG_NAME = "a-name-so-long-that-lengths-shrink".repeat(6);

  @TempDir Path folder;
  private Path in;
  private Path out;

  @BeforeEach
  void makeFolders() throws IOException {
    in = Files.createDirectory(folder.resolve("in"));
    out = Files.createDirectory(folder.resolve("out"));
  }

  @Test
  void aCopyHasDataFilesOfItsOwnAndIsOtherwiseTheSameModel() throws IOException {
    for (String name : List.of("d", LONG_NAME)) {
      Path model = write("m-" + name.length() + ".onnx", name);
      Path target = out.resolve(model.getFileName());
      zero(model, target, false, "first", "nested");
      ModelProto written = ModelProto.parseFrom(Files.readAllBytes(target));
      Set<String> locations = locations(written);
      assertThat(locations).hasSize(2).allMatch(l -> l.matches("m-\\d+(-2)?-[0-9a-f]{16}\\.data"));
      assertThat(list(out)).containsAll(locations);
      assertThat(withoutLocations(written))
          .isEqualTo(withoutLocations(ModelProto.parseFrom(Files.readAllBytes(model))));
      assertThat(values(target, "first")).isEqualTo(zeroed(values(model, "first")));
      assertThat(values(target, "nested")).isEqualTo(zeroed(values(model, "nested")));
      assertThat(values(target, "second")).isEqualTo(values(model, "second"));
      assertThat(values(target, "inside")).isEqualTo(values(model, "inside"));
    }
  }

  @Test
  void aCopyOfACopyIsTheSameAgain() throws IOException {
    Path model = write("m.onnx", "d");
    zero(model, out.resolve("a.onnx"), false, "first");
    zero(out.resolve("a.onnx"), out.resolve("b.onnx"), false, "first");
    assertThat(values(out.resolve("b.onnx"), "first")).isEqualTo(zeroed(values(model, "first")));
    assertThat(list(out)).hasSize(6);
  }

  @Test
  void anOverwrittenCopyLeavesNoDataFilesBehind() throws IOException {
    Path model = write("m.onnx", "d");
    Path target = out.resolve("m.onnx");
    zero(model, target, false, "first");
    Set<String> before = list(out);
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> zero(model, target, false, "second"));
    assertThat(list(out)).isEqualTo(before);
    zero(model, target, true, "second");
    assertThat(list(out)).hasSize(3).doesNotContainAnyElementsOf(dataOf(before));
    assertThat(values(target, "second")).isEqualTo(zeroed(values(model, "second")));
  }

  @Test
  void anOverwrittenModelThatSharesItsDataWithTheInputLeavesThemAlone() throws IOException {
    Path model = write("m.onnx", "d");
    Path a = out.resolve("a.onnx");
    zero(model, a, false, "first");
    Path twin = Files.copy(a, out.resolve("twin.onnx"));
    zero(a, twin, true, "second");
    assertThat(values(a, "first")).isEqualTo(zeroed(values(model, "first")));
    assertThat(values(twin, "second")).isEqualTo(zeroed(values(model, "second")));
  }

  @Test
  void theInputIsNeverOverwritten() throws IOException {
    Path model = write("m.onnx", "d");
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> zero(model, model, true, "first"));
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> zero(model, in.resolve("d.bin"), true, "first"));
    assertThatExceptionOfType(FileAlreadyExistsException.class)
        .isThrownBy(() -> zero(in, in, true, "first"));
    assertThat(list(in)).hasSize(3);
  }

  @Test
  void aCopyThatIsGivenUpLeavesNothing() throws IOException {
    Path model = write("m.onnx", "d");
    try (Checkpoint checkpoint = new OnnxFormat().open(model);
        CheckpointWriter writer =
            checkpoint.rewrite(out.resolve("m.onnx"), Set.of("first"), false)) {
      assertThat(writer.rest()).isNotEmpty();
    }
    assertThat(list(out)).isEmpty();
  }

  @Test
  void aFolderIsCopiedUnderTheSameNamesWithItsSmallFiles() throws IOException {
    Path model = write("m.onnx", "d");
    Files.writeString(in.resolve("tokenizer.json"), "{}");
    Files.writeString(in.resolve("pytorch_model.bin"), "weights for others");
    Path target = folder.resolve("copy");
    zero(in, target, false, "first");
    assertThat(list(target)).containsExactlyInAnyOrder("m.onnx", "d.bin", "sub", "tokenizer.json");
    assertThat(target.resolve("m.onnx")).hasSameBinaryContentAs(model);
    assertThat(target.resolve("tokenizer.json")).hasContent("{}");
    assertThat(target.resolve("sub/d.bin")).hasSameBinaryContentAs(in.resolve("sub/d.bin"));
    assertThat(values(target.resolve("m.onnx"), "first")).isEqualTo(zeroed(values(model, "first")));
  }

  @Test
  void tensorsThatShareBytesAreLeftAlone() throws IOException {
    byte[] data = Models.randomFloats("", 100).toByteArray();
    Files.write(in.resolve("d.bin"), data);
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addInitializer(Models.external("a", List.of(5L, 5L), "location", "d.bin"))
            .addInitializer(
                Models.external("b", List.of(5L, 5L), "location", "./d.bin", "offset", "96"))
            .addInitializer(
                Models.external("c", List.of(5L, 5L), "location", "d.bin", "offset", "200"))
            .addNode(Models.node("MatMul", "x a", "y"))
            .addNode(Models.node("MatMul", "y b", "z"))
            .addNode(Models.node("MatMul", "z c", "u"));
    Path file = Models.write(in.resolve("m.onnx"), Models.model(graph));
    try (Checkpoint checkpoint = new OnnxFormat().open(file)) {
      assertThat(checkpoint.tensors().stream().map(t -> t.role()))
          .containsExactly(
              new Role.Other("shares its bytes with b"),
              new Role.Other("shares its bytes with a"),
              new Role.Weight(new Axes(1, 0)));
    }
  }

  @Test
  void aFileThatChangesBeforeTheEndIsNoticed() throws IOException {
    Path model = write("m.onnx", "d");
    try (Checkpoint checkpoint = new OnnxFormat().open(model);
        CheckpointWriter writer =
            checkpoint.rewrite(out.resolve("m.onnx"), Set.of("first"), false)) {
      Files.write(in.resolve("d.bin"), new byte[4 * 2 * COUNT + 1]);
      assertThatExceptionOfType(CheckpointFormatException.class)
          .isThrownBy(writer::commit)
          .extracting(CheckpointFormatException::code)
          .isEqualTo(Code.FILE_CHANGED);
      assertThatExceptionOfType(CheckpointFormatException.class)
          .isThrownBy(() -> Copies.read(checkpoint, Copies.tensor(checkpoint, "first"), 0, 1));
    }
    assertThat(list(out)).isEmpty();
  }

  /** A model with two tensors in one file, one inside a graph in another, and one embedded. */
  private Path write(String file, String name) throws IOException {
    String data = name + ".bin";
    Files.createDirectories(in.resolve("sub"));
    Files.write(in.resolve(data), Models.randomFloats("1", 2 * COUNT).toByteArray());
    Files.write(in.resolve("sub").resolve(data), Models.randomFloats("2", COUNT).toByteArray());
    List<Long> dims = List.of(40L, 100L);
    GraphProto.Builder inner =
        GraphProto.newBuilder()
            .addInitializer(Models.external("nested", dims, "location", "sub/" + data))
            .addNode(Models.node("MatMul", "x nested", "z"));
    GraphProto.Builder graph =
        GraphProto.newBuilder()
            .addInitializer(Models.external("first", dims, "location", data, "length", "16000"))
            .addInitializer(Models.floats("inside", 40, 100))
            .addInitializer(Models.external("second", dims, "offset", "16000", "location", data))
            .addNode(Models.node("MatMul", "x first", "y"))
            .addNode(Models.node("If", "c", "u", Models.graph("then_branch", inner)))
            .addNode(Models.node("MatMul", "x second", "v"));
    return Models.write(in.resolve(file), Models.model(graph));
  }

  private static void zero(Path model, Path target, boolean overwrite, String... names)
      throws IOException {
    try (Checkpoint checkpoint = new OnnxFormat().open(model)) {
      Copies.write(checkpoint, target, overwrite, Set.of(names), index -> index % 2 == 0);
    }
  }

  private static float[] zeroed(float[] values) {
    float[] zeroed = values.clone();
    IntStream.range(0, zeroed.length).filter(i -> i % 2 == 0).forEach(i -> zeroed[i] = 0);
    return zeroed;
  }

  /** Reads a tensor's values without Coppice. */
  private static float[] values(Path model, String name) throws IOException {
    ModelProto parsed = ModelProto.parseFrom(Files.readAllBytes(model));
    TensorProto tensor =
        tensors(parsed.getGraph()).filter(t -> t.getName().equals(name)).findFirst().orElseThrow();
    byte[] data = tensor.getRawData().toByteArray();
    if (tensor.getDataLocation() == TensorProto.DataLocation.EXTERNAL) {
      byte[] file = Files.readAllBytes(model.resolveSibling(entry(tensor, "location", "")));
      int offset = Integer.parseInt(entry(tensor, "offset", "0"));
      data = Arrays.copyOfRange(file, offset, offset + 4 * COUNT);
    }
    float[] values = new float[COUNT];
    ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static Stream<TensorProto> tensors(GraphProto graph) {
    return Stream.concat(
        graph.getInitializerList().stream(),
        graph.getNodeList().stream()
            .flatMap(node -> node.getAttributeList().stream())
            .flatMap(attribute -> attribute.getG().getInitializerList().stream()));
  }

  private static String entry(TensorProto tensor, String key, String otherwise) {
    return tensor.getExternalDataList().stream()
        .filter(entry -> entry.getKey().equals(key))
        .map(StringStringEntryProto::getValue)
        .findFirst()
        .orElse(otherwise);
  }

  private static Set<String> locations(ModelProto model) {
    return tensors(model.getGraph())
        .map(tensor -> entry(tensor, "location", ""))
        .filter(location -> !location.isEmpty())
        .collect(Collectors.toSet());
  }

  private static String withoutLocations(ModelProto model) {
    return model.toString().replaceAll("(key: \"location\"\\s+value: )\"[^\"]*\"", "$1");
  }

  private static Set<String> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .collect(Collectors.toCollection(TreeSet::new));
    }
  }

  private static Set<String> dataOf(Set<String> names) {
    return names.stream().filter(name -> name.endsWith(".data")).collect(Collectors.toSet());
  }
}
