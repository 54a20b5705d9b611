package dev.coppice.formats.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.DType;
import dev.coppice.InvalidPlanException;
import dev.coppice.ProgressListener;
import dev.coppice.Pruner;
import dev.coppice.PruningCancelledException;
import dev.coppice.PruningPlan;
import dev.coppice.Rule;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.Execution;
import dev.coppice.spi.WorkPool;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class CompressionTest {
  private final Random random = new Random(1);

  @TempDir Path folder;
  private Path compressed = Path.of("");
  private Path back = Path.of("");

  @BeforeEach
  void name() {
    compressed = folder.resolve("compressed.safetensors");
    back = folder.resolve("back.safetensors");
  }

  /** A model with a tensor for each format, and others that stay as they are. */
  private SparseFiles model(DType dtype) {
    return new SparseFiles()
        .metadata("format", "pt")
        .metadata("note", "\\u00e9\\n\\\"quoted\\\"")
        .add("half", LayerCase.sparse(random, dtype, 0.6, 70, 300))
        .add("odd", SparseFiles.vector(dtype, 7))
        .add(
            "fours",
            LayerCase.fill(
                LayerCase.empty(dtype, 64, 256), i -> i % 4 == 3 || i % 4 == i / 4 % 3 ? i + 1 : 0))
        .add("few", LayerCase.sparse(random, dtype, 0.995, 60, 400))
        .add("full", LayerCase.numbers(random, dtype, 40, 50))
        .add(
            "conv",
            SparseFiles.reshaped(LayerCase.sparse(random, dtype, 0.8, 24, 144), 24, 16, 3, 3))
        .add("ids", "I64", "[3]", SafetensorsFiles.data(24))
        .add("empty", dtype.name(), "[0, 4]", new byte[0])
        .add("scalar", "F32", "[]", SafetensorsFiles.data(4));
  }

  @ParameterizedTest
  @EnumSource
  void whatIsDecompressedIsTheFileThatWasCompressedByteForByte(DType dtype) throws IOException {
    Path input = model(dtype).write(folder, "model.safetensors");
    List<Compression.Stored> stored = SparseFiles.compress(input, compressed);
    assertThat(formats(stored))
        .containsEntry("half", Format.BITMAP)
        .containsEntry("fours", Format.TWO_FOUR)
        .containsEntry("few", Format.CSR)
        .containsEntry("conv", Format.BITMAP)
        .containsEntry("full", Format.DENSE)
        .containsEntry("odd", Format.DENSE);
    assertThat(Files.size(compressed)).isLessThan(Files.size(input) * 3 / 4);
    assertThat(SparseFiles.decompress(compressed, back)).isEqualTo(Files.size(input));
    assertThat(back).hasSameBinaryContentAs(input);
    assertThat(folder).isDirectoryNotContaining("glob:**.tmp");
  }

  private static Map<String, Format> formats(List<Compression.Stored> stored) {
    return stored.stream()
        .collect(Collectors.toMap(s -> s.tensor().name(), Compression.Stored::format));
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "DENSE")
  void aNamedFormatIsUsedWhereItHoldsATensorAndMakesItSmaller(Format format) throws IOException {
    Path input = model(DType.F16).write(folder, "model.safetensors");
    List<Compression.Stored> stored = SparseFiles.compress(input, compressed, format);
    assertThat(formats(stored).values()).containsOnly(format, Format.DENSE).contains(format);
    assertThat(formats(stored)).containsEntry("full", Format.DENSE);
    Map<String, String> reasons =
        stored.stream()
            .filter(s -> s.reason().isPresent())
            .collect(Collectors.toMap(s -> s.tensor().name(), s -> s.reason().orElseThrow()));
    assertThat(reasons)
        .containsEntry("ids", "dtype I64 is not compressed")
        .containsEntry("odd", "rank 1 is below 2")
        .containsEntry("empty", "a shape of 0x4 is not compressed");
    assertThat(reasons.get("full"))
        .isEqualTo(
            format == Format.TWO_FOUR ? "it does not keep to 2:4" : "it would not get smaller");
    SparseFiles.decompress(compressed, back);
    assertThat(back).hasSameBinaryContentAs(input);
  }

  @Test
  void aCompressedModelReadsAsTheOneThatWasCompressed() throws IOException {
    Path input = model(DType.BF16).write(folder, "model.safetensors");
    SparseFiles.compress(input, compressed);
    try (Checkpoint before = new SafetensorsFormat().open(input);
        Checkpoint after = new SafetensorsFormat().open(compressed)) {
      assertThat(after).isInstanceOf(CompressedCheckpoint.class);
      assertThat(after.tensors().stream().map(CheckpointTensor::name))
          .containsExactlyElementsOf(
              before.tensors().stream().map(CheckpointTensor::name).toList());
      for (int i = 0; i < before.tensors().size(); i++) {
        CheckpointTensor was = before.tensors().get(i);
        CheckpointTensor is = after.tensors().get(i);
        assertThat(is.shape()).isEqualTo(was.shape());
        assertThat(is.type()).isEqualTo(was.type());
        assertThat(is.role()).isEqualTo(was.role());
        if (was.dtype().isPresent()) {
          for (int part = 0; part < 5; part++) {
            int elements = (int) was.shape().elements();
            int first = random.nextInt(elements + 1);
            int count = part == 0 ? elements - first : random.nextInt(elements - first + 1);
            int size = was.dtype().get().bytes();
            ByteBuffer expected = ByteBuffer.allocate(count * size);
            ByteBuffer found = ByteBuffer.allocate(count * size);
            before.read(was, first, expected);
            after.read(is, first, found);
            assertThat(found.array()).as(was.name()).isEqualTo(expected.array());
          }
          assertThatThrownBy(() -> after.read(is, was.shape().elements(), ByteBuffer.allocate(4)))
              .isInstanceOf(IndexOutOfBoundsException.class);
        }
      }
    }
  }

  @Test
  void weightsAreGivenAsTheyAreStored() throws IOException {
    Path input = model(DType.F32).write(folder, "model.safetensors");
    SparseFiles.compress(input, compressed);
    try (CompressedCheckpoint model = CompressedCheckpoint.open(compressed)) {
      assertThat(model.names()).containsExactly("half", "fours", "few", "conv");
      LinearWeights conv = model.weights("conv");
      assertThat(conv.format()).isEqualTo(Format.BITMAP).isEqualTo(model.stored("conv"));
      assertThat(conv.out()).isEqualTo(24);
      assertThat(conv.in()).isEqualTo(144);
      assertThat(conv.parts()).allMatch(part -> part.data().isDirect());
      CheckpointTensor half = model.tensors().get(0);
      ByteBuffer stored = ByteBuffer.allocate((int) half.bytes());
      model.weights("half").parts().forEach(part -> stored.put(part.data()));
      ByteBuffer first = ByteBuffer.allocate(2000);
      ByteBuffer rest = ByteBuffer.allocate((int) half.bytes() - 2000);
      model.readBytes(half, 0, first);
      model.readBytes(half, 2000, rest);
      assertThat(first.flip()).isEqualTo(stored.slice(0, 2000));
      assertThat(rest.flip()).isEqualTo(stored.slice(2000, rest.limit()));
      assertThat(model.weights("few").format()).isEqualTo(Format.CSR);
      assertThat(model.weights("full").format()).isEqualTo(Format.DENSE);
      assertThatThrownBy(() -> model.weights("odd")).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> model.weights("half.bits"))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> model.rewrite(back, Set.of(), false))
          .hasMessageContaining("is compressed; decompress it first");
    }
  }

  @Test
  void shardsBecomeOneFileWithTheirTensorsAndMetadata() throws IOException {
    SparseFiles one = new SparseFiles().metadata("format", "pt");
    one.add("b", LayerCase.sparse(random, DType.F32, 0.7, 30, 200))
        .add("ids", "I64", "[1]", new byte[8]);
    SparseFiles two = new SparseFiles().metadata("format", "pt").metadata("more", "x");
    two.add("a", LayerCase.sparse(random, DType.F16, 0.9, 30, 200))
        .add("c", SparseFiles.vector(DType.F16, 5));
    one.write(folder, "one.safetensors");
    two.write(folder, "two.safetensors");
    Path index = folder.resolve("model.safetensors.index.json");
    String map =
        "\"b\":\"one.safetensors\",\"ids\":\"one.safetensors\",\"a\":\"two.safetensors\",\"c\":\"two.safetensors\"";
    Files.writeString(index, "{\"weight_map\":{" + map + "}}");
    SparseFiles.compress(folder, compressed);
    SparseFiles.decompress(compressed, back);
    try (Checkpoint before = new SafetensorsFormat().open(index);
        SafetensorsCheckpoint after = SafetensorsFormat.openStored(back)) {
      assertThat(after.metadata())
          .containsExactlyInAnyOrderEntriesOf(Map.of("format", "pt", "more", "x"));
      assertThat(after.tensors().stream().map(CheckpointTensor::name))
          .containsExactly("ids", "b", "a", "c");
      for (CheckpointTensor tensor : before.tensors()) {
        assertThat(bytes(after, tensor)).isEqualTo(bytes(before, tensor));
      }
    }
    two.metadata("format", "tf").write(folder, "two.safetensors");
    assertThatThrownBy(() -> SparseFiles.compress(index, folder.resolve("other")))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(Code.METADATA));
  }

  private static byte[] bytes(Checkpoint model, CheckpointTensor tensor) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes());
    model.readBytes(tensor, 0, bytes);
    return bytes.array();
  }

  @Test
  void globsSayWhichTensorsAreCompressed() throws IOException {
    Path input = model(DType.F32).write(folder, "model.safetensors");
    try (Checkpoint model = new SafetensorsFormat().open(input)) {
      List<Compression.Stored> stored =
          Compression.compress(
              model,
              new Compression.Request(Optional.empty(), List.of("fo*", "conv")),
              compressed,
              false,
              SparseFiles.execution());
      assertThat(formats(stored))
          .containsEntry("fours", Format.TWO_FOUR)
          .containsEntry("half", Format.DENSE);
      Compression.Request none = new Compression.Request(Optional.empty(), List.of("fo*", "x*"));
      assertThatThrownBy(
              () -> Compression.compress(model, none, back, false, SparseFiles.execution()))
          .isInstanceOf(InvalidPlanException.class)
          .hasMessage("glob \"x*\" matches no tensor of the model");
    }
    assertThatThrownBy(() -> new Compression.Request(Optional.of(Format.DENSE), List.of()))
        .isInstanceOf(InvalidPlanException.class);
    assertThat(back).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(strings = {"half.bits", "half.offsets", "half.values", "coppice.header"})
  void aTensorWithTheNameOfAPartIsRefused(String name) throws IOException {
    Path input =
        model(DType.F32).add(name, "U8", "[1]", new byte[1]).write(folder, "model.safetensors");
    refused(input, Code.DUPLICATE_KEY, name);
  }

  @Test
  void whatIsCompressedAlreadyOrCannotGetSmallerIsRefused() throws IOException {
    Path input = model(DType.F32).write(folder, "model.safetensors");
    SparseFiles.compress(input, folder.resolve("once.safetensors"));
    refused(folder.resolve("once.safetensors"), Code.UNSUPPORTED, "is compressed already");
    SparseFiles dense = new SparseFiles().add("w", LayerCase.numbers(random, DType.F32, 40, 50));
    refused(dense.write(folder, "dense"), Code.UNSUPPORTED, "does not get smaller; prune it first");
    refused(new SparseFiles().write(folder, "none"), Code.UNSUPPORTED, "does not get smaller");
    SparseFiles tiny = new SparseFiles().add("w", LayerCase.empty(DType.F32, 8, 16));
    for (int i = 0; i < 9; i++) {
      tiny.add("bias" + i, SparseFiles.vector(DType.F32, 1)); // The header outweighs what is saved.
    }
    refused(tiny.write(folder, "tiny"), Code.UNSUPPORTED, "does not get smaller");
    assertThatThrownBy(() -> CompressedCheckpoint.open(input))
        .hasMessageContaining("has no compressed tensors");
  }

  private void refused(Path input, Code code, String message) {
    assertThatThrownBy(() -> SparseFiles.compress(input, compressed))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(code))
        .hasMessageContaining(message);
    assertThat(compressed).doesNotExist();
  }

  @Test
  void anOutputThatExistsIsReplacedOnRequestAndAnInputNever() throws IOException {
    Path input = model(DType.F32).write(folder, "model.safetensors");
    Files.writeString(compressed, "old");
    assertThatThrownBy(() -> SparseFiles.compress(input, compressed))
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(compressed).hasContent("old");
    assertThatThrownBy(() -> SparseFiles.compress(input, input))
        .isInstanceOf(FileAlreadyExistsException.class);
  }

  @Test
  void aCancelledCallLeavesNothingBehind() throws IOException {
    Path input = model(DType.F32).write(folder, "model.safetensors");
    Execution cancelled =
        new Execution(WorkPool.shared(), 2, 4096, () -> true, ProgressListener.NONE);
    try (Checkpoint model = new SafetensorsFormat().open(input)) {
      Compression.Request request = new Compression.Request(Optional.empty(), List.of());
      assertThatThrownBy(() -> Compression.compress(model, request, compressed, false, cancelled))
          .isInstanceOf(PruningCancelledException.class);
    }
    assertThat(folder).isDirectoryNotContaining("glob:**compressed*");
  }

  @ParameterizedTest
  @ValueSource(strings = {"fashion-resnet", "fashion-mobile"})
  void aTrainedModelThatWasPrunedComesBackByteForByte(String name) throws IOException {
    Path shared = Path.of("").toAbsolutePath().resolve("../../shared").normalize();
    Path input = shared.resolve("data/fashion/" + name + ".safetensors");
    assumeTrue(Files.exists(input), () -> input + " is not there");
    for (PruningPlan plan :
        List.of(PruningPlan.of(Rule.nOfM(2, 4)), PruningPlan.of(Rule.unstructured(0.7)))) {
      Path pruned = folder.resolve("pruned.safetensors");
      Path out = folder.resolve("out.safetensors");
      try (Checkpoint model = new SafetensorsFormat().open(input);
          Pruner pruner = Pruner.builder().backend("reference").build()) {
        pruner.prune(model, plan, pruned, true);
      }
      List<Compression.Stored> stored = SparseFiles.compress(pruned, compressed);
      assertThat(stored.stream().filter(s -> s.reason().isEmpty()).count()).isGreaterThan(3);
      assertThat(Files.size(compressed)).isLessThan(Files.size(pruned) * 9 / 10);
      assertThat(stored.stream().mapToLong(Compression.Stored::after).sum())
          .isLessThan(Files.size(compressed));
      SparseFiles.decompress(compressed, out);
      assertThat(out).hasSameBinaryContentAs(pruned);
      for (Path file : List.of(out, compressed)) {
        Files.delete(file);
      }
    }
  }
}
