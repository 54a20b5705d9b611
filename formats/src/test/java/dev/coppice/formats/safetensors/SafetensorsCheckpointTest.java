package dev.coppice.formats.safetensors;

import static dev.coppice.formats.safetensors.SafetensorsFiles.data;
import static dev.coppice.formats.safetensors.SafetensorsFiles.file;
import static dev.coppice.formats.safetensors.SafetensorsFiles.tensor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.Axes;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import dev.coppice.spi.CheckpointTensor.Role;
import dev.coppice.spi.CheckpointWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsCheckpointTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        " \t\r\n{}\n ",
        "{\"__metadata__\":null}",
        "{\"__metadata__\":{}}",
        "{\"__metadata__\":{\"format\":\"pt\",\"\":\"\"}}",
      })
  void aFileWithoutTensorsIsRead(String header) throws IOException {
    try (Checkpoint checkpoint = open(file(header, 0))) {
      assertThat(checkpoint.tensors()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", "\\u0061", "é", "名前", "\\ud83d\\ude00", "😀", "a\\nb\\u0000"})
  void anyNameIsRead(String name) throws IOException {
    String header = "{" + tensor(name, "F32", new long[] {1, 1}, 0, 4) + "}";
    try (Checkpoint checkpoint = open(file(header, 4))) {
      CheckpointTensor tensor = checkpoint.tensors().get(0);
      String plain = name.replace("\\u0061", "a").replace("\\ud83d\\ude00", "😀");
      assertThat(tensor.name()).isEqualTo(plain.replace("\\n", "\n").replace("\\u0000", "\0"));
      assertThat(bytes(checkpoint, tensor)).isEqualTo(data(4));
    }
  }

  @Test
  void tensorsComeInTheOrderOfTheirDataWhateverTheHeadersOrder() throws IOException {
    String header =
        "{\"c\":{\"data_offsets\":[8,10],\"x\":{\"y\":[1,{}]},\"shape\":[],\"dtype\":\"BF16\"},"
            + tensor("empty", "F32", new long[] {2, 0}, 8, 8)
            + ","
            + tensor("a", "F16", new long[] {2, 2}, 0, 8)
            + ","
            + tensor("none", "F32", new long[] {0}, 0, 0)
            + "}";
    try (Checkpoint checkpoint = open(file(header, 10))) {
      assertThat(checkpoint.tensors())
          .extracting(CheckpointTensor::name)
          .containsExactly("none", "a", "empty", "c");
      assertThat(checkpoint.tensors().get(1))
          .isEqualTo(
              new CheckpointTensor(
                  "a",
                  "",
                  "F16",
                  Optional.of(DType.F16),
                  Shape.of(2, 2),
                  8,
                  new Role.Weight(new Axes(0, 1))));
      assertThat(bytes(checkpoint, checkpoint.tensors().get(3)))
          .isEqualTo(Arrays.copyOfRange(data(10), 8, 10));
    }
  }

  @ParameterizedTest
  @EnumSource(ElementType.class)
  void everyElementTypeIsReadAndCopied(ElementType type) throws IOException {
    int bytes = type.bits();
    String header = "{" + tensor("a", type.name(), new long[] {2, 4}, 0, bytes) + "}";
    Path input = SafetensorsFiles.write(folder, "in.safetensors", file(header, bytes));
    try (Checkpoint checkpoint = new SafetensorsFormat().open(input)) {
      CheckpointTensor tensor = checkpoint.tensors().get(0);
      assertThat(tensor.type()).isEqualTo(type.name());
      assertThat(tensor.bytes()).isEqualTo(bytes);
      boolean prunable = Set.of("F32", "F16", "BF16").contains(type.name());
      assertThat(tensor.dtype().isPresent()).isEqualTo(prunable);
      assertThat(tensor.role())
          .isEqualTo(
              prunable
                  ? new Role.Weight(new Axes(0, 1))
                  : new Role.Other("dtype " + type + " is not pruned"));
      ByteBuffer tail = ByteBuffer.allocate(bytes - 1);
      checkpoint.readBytes(tensor, 1, tail);
      assertThat(tail.array()).isEqualTo(Arrays.copyOfRange(data(bytes), 1, bytes));
      Path output = folder.resolve("out.safetensors");
      rewrite(checkpoint, output, Set.of(), false);
      assertThat(output).hasSameBinaryContentAs(input);
    }
  }

  @Test
  void theRankGivesTheAxes() throws IOException {
    String[] expected = {"Ambiguous", "0 0", "0 1", "0 1", "0 1", "0 1", "Ambiguous"};
    for (int rank = 0; rank < expected.length; rank++) {
      long[] shape = new long[rank];
      Arrays.fill(shape, 1);
      try (Checkpoint checkpoint = open(file("{" + tensor("a", "F32", shape, 0, 4) + "}", 4))) {
        Role role = checkpoint.tensors().get(0).role();
        String found =
            role instanceof Role.Weight weight
                ? weight.axes().output() + " " + weight.axes().reduction()
                : role.getClass().getSimpleName();
        assertThat(found).as("rank %d", rank).isEqualTo(expected[rank]);
      }
    }
  }

  @Test
  void onlyTheChangedTensorsBytesDiffer() throws IOException {
    Path input =
        SafetensorsFiles.matrices(folder, "in.safetensors", "{\"format\":\"pt\"}", "a", "b", "c");
    Path output = folder.resolve("out.safetensors");
    try (Checkpoint checkpoint = new SafetensorsFormat().open(input)) {
      rewrite(checkpoint, output, Set.of("b"), false);
    }
    byte[] expected = Files.readAllBytes(input);
    Arrays.fill(expected, expected.length - 48, expected.length - 24, (byte) 0);
    assertThat(output).hasBinaryContent(expected);
    assertThat(folder).isDirectoryNotContaining("glob:**.coppice-*");
  }

  @Test
  void largeCopiesComeInPiecesAndNeighboursInOne() throws IOException {
    long half = 150L << 20;
    String header =
        "{"
            + tensor("a", "U8", new long[] {half}, 0, half)
            + ","
            + tensor("b", "U8", new long[] {half}, half, 2 * half)
            + "}";
    Path input = SafetensorsFiles.write(folder, "in.safetensors", file(header, 0));
    try (java.io.RandomAccessFile access = new java.io.RandomAccessFile(input.toFile(), "rw")) {
      access.setLength(access.length() + 2 * half); // Sparse.
    }
    try (Checkpoint checkpoint = new SafetensorsFormat().open(input);
        CheckpointWriter writer =
            checkpoint.rewrite(folder.resolve("out.safetensors"), Set.of(), false)) {
      assertThat(writer.rest()).hasSize(5);
      assertThat(writer.rest()).allMatch(piece -> piece.bytes() <= 64L << 20);
      assertThat(writer.rest().stream().mapToLong(CheckpointWriter.Piece::bytes).sum())
          .isEqualTo(checkpoint.bytes());
    }
    assertThat(folder).isDirectoryNotContaining("glob:**out*");
  }

  @Test
  void aFileThatChangesMeanwhileIsRefusedAndNothingIsLeft() throws IOException {
    Path input = SafetensorsFiles.matrices(folder, "in.safetensors", null, "a");
    Path output = folder.resolve("out.safetensors");
    try (Checkpoint checkpoint = new SafetensorsFormat().open(input)) {
      byte[] bytes = Files.readAllBytes(input);
      bytes[bytes.length - 1]++;
      Files.write(input, bytes);
      Files.setLastModifiedTime(input, java.nio.file.attribute.FileTime.fromMillis(1));
      assertThatThrownBy(() -> rewrite(checkpoint, output, Set.of("a"), false))
          .isInstanceOfSatisfying(
              CheckpointFormatException.class,
              e -> assertThat(e.code()).isEqualTo(Code.FILE_CHANGED));
    }
    assertThat(folder).isDirectoryNotContaining("glob:**out*");
  }

  @Test
  void aFileThatShrinksMeanwhileIsRefused() throws IOException {
    Path input = SafetensorsFiles.matrices(folder, "in.safetensors", null, "a");
    try (Checkpoint checkpoint = new SafetensorsFormat().open(input)) {
      byte[] bytes = Files.readAllBytes(input);
      Files.write(input, Arrays.copyOf(bytes, bytes.length - 4));
      assertThatThrownBy(() -> bytes(checkpoint, checkpoint.tensors().get(0)))
          .isInstanceOfSatisfying(
              CheckpointFormatException.class,
              e -> assertThat(e.code()).isEqualTo(Code.FILE_CHANGED));
    }
  }

  @Test
  void elementsOutsideATensorAreNotRead() throws IOException {
    Path input = SafetensorsFiles.matrices(folder, "in.safetensors", null, "a", "b");
    try (Checkpoint checkpoint = new SafetensorsFormat().open(input)) {
      CheckpointTensor a = checkpoint.tensors().get(0);
      for (long first : new long[] {-1, 5, 6, Long.MAX_VALUE}) {
        assertThatThrownBy(() -> checkpoint.read(a, first, ByteBuffer.allocate(8)))
            .isInstanceOf(IndexOutOfBoundsException.class);
      }
      ByteBuffer two = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
      checkpoint.read(a, 4, two);
      assertThat(two.flip().getFloat()).isEqualTo(5);
      assertThatThrownBy(() -> checkpoint.rewrite(folder, Set.of("z"), false))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("z");
    }
  }

  private Checkpoint open(byte[] bytes) throws IOException {
    return new SafetensorsFormat().open(SafetensorsFiles.write(folder, "in.safetensors", bytes));
  }

  private static byte[] bytes(Checkpoint checkpoint, CheckpointTensor tensor) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes());
    checkpoint.read(tensor, 0, bytes);
    return bytes.array();
  }

  /** Copies a model with zeros for the tensors named. */
  static void rewrite(Checkpoint checkpoint, Path output, Set<String> zeroed, boolean overwrite)
      throws IOException {
    try (CheckpointWriter writer = checkpoint.rewrite(output, zeroed, overwrite)) {
      Set<String> left = new HashSet<>(zeroed);
      for (CheckpointTensor tensor : checkpoint.tensors()) {
        if (left.remove(tensor.name())) {
          writer.write(tensor, 0, ByteBuffer.allocate((int) tensor.bytes()));
        }
      }
      List<CheckpointWriter.Piece> rest = writer.rest();
      ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 16);
      for (CheckpointWriter.Piece piece : rest) {
        piece.copy(buffer, () -> {});
      }
      writer.commit();
    }
  }
}
