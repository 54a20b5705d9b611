package dev.coppice.formats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.spi.Checkpoint;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CheckpointsTest {
  private static final byte[] EMPTY_MODEL = {2, 0, 0, 0, 0, 0, 0, 0, '{', '}'};

  @TempDir Path folder;

  @Test
  void aMissingFileIsNamed() {
    assertThatThrownBy(() -> Checkpoints.open(folder.resolve("none.safetensors")))
        .isInstanceOf(NoSuchFileException.class)
        .hasMessageContaining("none.safetensors")
        .hasMessageContaining("no such file");
  }

  @ParameterizedTest
  @CsvSource({
    "model.pt, anything, safetensors.torch",
    "pytorch_model.bin, anything, safe_serialization",
    "pytorch_model.bin.index.json, {}, safe_serialization",
    "nameless, PK\\003\\004\\024\\000\\000\\000\\010, safetensors.torch",
    "nameless, \\200\\002\\212\\012l\\374\\234F\\371, safetensors.torch",
    "nameless, GGUF\\003\\000\\000\\000\\000, llama.cpp",
    "model.gguf, anything, llama.cpp",
    "model.h5, anything, tf2onnx",
    "nameless, \\211HDF\\015\\012\\032\\012, tf2onnx",
    "weights.npz, anything, safetensors.numpy",
    "saved_model.pb, anything, tf2onnx",
    "readme.txt, hello, not a safetensors file",
    "nameless, '', not a safetensors file",
  })
  void aFileOfAnotherFormatIsRefusedWithWhatToConvertItWith(
      String name, String content, String advice) throws IOException {
    byte[] bytes = content.translateEscapes().getBytes(StandardCharsets.ISO_8859_1);
    Path file = Files.write(folder.resolve(name), bytes);
    assertUnsupported(file, advice);
    if (!name.equals("nameless") && !name.equals("readme.txt")) {
      assertUnsupported(folder, "has " + name);
      assertUnsupported(folder, advice);
    }
  }

  @Test
  void anEmptyFolderIsRefused() {
    assertUnsupported(folder, "not a safetensors file");
  }

  @Test
  void aFolderIsOpenedByItsIndexOrItsOnlyFile() throws IOException {
    Files.write(folder.resolve("one.safetensors"), EMPTY_MODEL);
    try (Checkpoint checkpoint = Checkpoints.open(folder)) {
      assertThat(checkpoint.bytes()).isEqualTo(10);
      assertThat(checkpoint.path()).isEqualTo(folder);
    }
    Files.write(folder.resolve("two.safetensors"), EMPTY_MODEL);
    assertUnsupported(folder, "2 files *.safetensors");
    Files.write(folder.resolve("model.safetensors"), EMPTY_MODEL);
    Checkpoints.open(folder).close();
  }

  @Test
  void aBlobOfAHubCacheIsOpenedByItsFirstBytes() throws IOException {
    Checkpoints.open(Files.write(folder.resolve("3f2a9c"), EMPTY_MODEL)).close();
  }

  private static void assertUnsupported(Path path, String advice) {
    assertThatThrownBy(() -> Checkpoints.open(path))
        .isInstanceOfSatisfying(
            CheckpointFormatException.class, e -> assertThat(e.code()).isEqualTo(Code.UNSUPPORTED))
        .hasMessageContaining(path.toString())
        .hasMessageContaining(advice);
  }
}
