package dev.coppice.formats.safetensors;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.coppice.CheckpointFormatException;
import dev.coppice.spi.Checkpoint;
import dev.coppice.spi.CheckpointTensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/**
 * Whatever the bytes: the file is refused with a code, or every tensor of it can be read to its
 * end. Nothing else is ever thrown. In a plain test run the inputs kept in the resources are tried;
 * {@code mvn verify} makes new ones.
 */
class HeaderFuzzTest {
  private static Path file = Path.of("");

  @BeforeAll
  static void makeFile() throws IOException {
    Path memory = Path.of("/dev/shm");
    file =
        Files.isWritable(memory)
            ? Files.createTempFile(memory, "fuzz", ".safetensors")
            : Files.createTempFile("fuzz", ".safetensors");
  }

  @AfterAll
  static void deleteFile() throws IOException {
    Files.deleteIfExists(file);
  }

  @DictionaryEntries({
    "\"dtype\":\"F32\"",
    "\"shape\":[",
    "\"data_offsets\":[0,4]",
    "\"__metadata__\":{",
    "BF16",
    "\"coppice.sparse:w\":\"csr F32 2x4\"",
    "\"w.values\":{",
    "\\ud800"
  })
  @FuzzTest
  void aHeaderIsRefusedOrAllItsTensorsCanBeRead(byte[] input) throws IOException {
    Files.write(file, withLength(input));
    try (Checkpoint checkpoint = new SafetensorsFormat().open(file)) {
      for (CheckpointTensor tensor : checkpoint.tensors()) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(tensor.bytes()));
        checkpoint.readBytes(tensor, 0, bytes);
        if (tensor.dtype().isPresent()) {
          // A few bytes can be a large tensor, if they are compressed.
          long size = tensor.shape().elements() * tensor.dtype().get().bytes();
          checkpoint.read(tensor, 0, ByteBuffer.allocate((int) Math.min(size, 1 << 20)));
        }
      }
    } catch (CheckpointFormatException e) {
      if (e.code() == CheckpointFormatException.Code.FILE_CHANGED) {
        throw new AssertionError("nobody changed the file", e);
      }
    }
  }

  /**
   * Makes most inputs get past the first check: unless its first byte is odd, an input is the
   * header alone, with so many bytes of data as its second byte says.
   */
  private static byte[] withLength(byte[] input) {
    if (input.length < 2 || (input[0] & 1) != 0) {
      return Arrays.copyOfRange(input, Math.min(1, input.length), input.length);
    }
    int header = input.length - 2;
    return ByteBuffer.allocate(8 + header + (input[1] & 0xFF))
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header)
        .put(input, 2, header)
        .array();
  }
}
