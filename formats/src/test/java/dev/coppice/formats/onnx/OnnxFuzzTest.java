package dev.coppice.formats.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnx.proto.OnnxMl.ModelProto;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.coppice.CheckpointFormatException;
import dev.coppice.CheckpointFormatException.Code;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * Whatever the bytes are, a model is either refused with a code or opened; one that is opened can
 * be read to its last weight, and onnx.proto's own classes can parse it.
 */
class OnnxFuzzTest {
  private static final long MOST_ELEMENTS = 100_000;

  private static Path file = Path.of("");

  @BeforeAll
  static void makeFile() throws IOException {
    Path memory = Path.of("/dev/shm");
    file =
        Files.isWritable(memory)
            ? Files.createTempFile(memory, "fuzz", ".onnx")
            : Files.createTempFile("fuzz", ".onnx");
  }

  @AfterAll
  static void deleteFile() throws IOException {
    Files.deleteIfExists(file);
  }

  @FuzzTest
  void everyFileIsRefusedOrReadable(byte[] bytes) throws IOException {
    Files.write(file, bytes);
    try (Checkpoint checkpoint = new OnnxFormat().open(file)) {
      for (CheckpointTensor tensor : checkpoint.tensors()) {
        long least = Math.min(tensor.bytes(), MOST_ELEMENTS);
        checkpoint.readBytes(tensor, tensor.bytes() - least, ByteBuffer.allocate((int) least));
        if (tensor.dtype().isPresent()) {
          assertThat(Copies.read(checkpoint, tensor, 0, MOST_ELEMENTS).hasRemaining())
              .isEqualTo(tensor.shape().elements() > 0);
        }
      }
    } catch (CheckpointFormatException e) {
      assertThat(e.code()).isNotEqualTo(Code.FILE_CHANGED);
      return;
    }
    assertThat(ModelProto.parseFrom(bytes).hasGraph()).isTrue();
  }
}
