package dev.coppice.formats.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Files that the reference implementation wrote (src/test/scripts/reference_files.py) are read to
 * the byte, and copied without a change.
 */
class ReferenceFilesTest {
  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({"types.safetensors, 20", "shapes.safetensors, 7", "none.safetensors, 0"})
  void whatTheReferenceWroteIsReadAndCopied(String name, int count) throws IOException {
    Path input = folder.resolve(name);
    try (InputStream resource = ReferenceFilesTest.class.getResourceAsStream(name)) {
      Files.copy(Objects.requireNonNull(resource), input);
    }
    try (Checkpoint checkpoint = new SafetensorsFormat().open(input)) {
      assertThat(checkpoint.tensors()).hasSize(count);
      for (CheckpointTensor tensor : checkpoint.tensors()) {
        ByteBuffer bytes = ByteBuffer.allocate((int) tensor.bytes());
        checkpoint.readBytes(tensor, 0, bytes);
        assertThat(bytes.array()).as(tensor.name()).isEqualTo(expected(tensor));
        if (name.startsWith("types")) {
          assertThat(tensor.type()).isEqualTo(tensor.name());
        }
      }
      Path copy = folder.resolve("copy");
      SafetensorsCheckpointTest.rewrite(checkpoint, copy, Set.of(), false);
      assertThat(copy).hasSameBinaryContentAs(input);
    }
  }

  /** The pattern of the script. */
  private static byte[] expected(CheckpointTensor tensor) {
    byte[] bytes = new byte[(int) tensor.bytes()];
    int first = 11 + tensor.name().codePointCount(0, tensor.name().length());
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (37 * i + first);
    }
    return bytes;
  }

  @Test
  void theTypesOfTheFormatAreTwentyTwo() {
    assertThat(ElementType.values()).hasSize(22);
  }

  @ParameterizedTest
  @ValueSource(strings = {"fashion-resnet", "fashion-mobile"})
  void aTrainedModelIsReadAndCopied(String name) throws IOException {
    Path input = shared().resolve("data/fashion/" + name + ".safetensors");
    assumeTrue(Files.exists(input), () -> input + " is not there");
    try (Checkpoint checkpoint = new SafetensorsFormat().open(input)) {
      Set<String> zeroed =
          checkpoint.tensors().stream()
              .filter(tensor -> tensor.dtype().isPresent() && tensor.shape().rank() >= 2)
              .map(CheckpointTensor::name)
              .collect(Collectors.toSet());
      assertThat(zeroed).isNotEmpty();
      Path pruned = folder.resolve("pruned.safetensors");
      SafetensorsCheckpointTest.rewrite(checkpoint, pruned, zeroed, false);
      try (Checkpoint copy = new SafetensorsFormat().open(pruned)) {
        assertThat(copy.tensors()).isEqualTo(checkpoint.tensors());
        for (CheckpointTensor tensor : copy.tensors()) {
          ByteBuffer before = ByteBuffer.allocate((int) tensor.bytes());
          ByteBuffer after = ByteBuffer.allocate((int) tensor.bytes());
          checkpoint.readBytes(tensor, 0, before);
          copy.readBytes(tensor, 0, after);
          assertThat(after.array())
              .isEqualTo(zeroed.contains(tensor.name()) ? new byte[after.limit()] : before.array());
        }
      }
    }
  }

  /** Gives the folder of shared data beside the repository, from any of its modules. */
  private static Path shared() {
    return Path.of("").toAbsolutePath().resolve("../../shared").normalize();
  }
}
