package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;

class IdxTest {
  private static byte[] read(byte[] file, int... item) throws IOException {
    ByteArrayOutputStream gzip = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(gzip)) {
      out.write(file);
    }
    return Idx.readGzip(new ByteArrayInputStream(gzip.toByteArray()), item);
  }

  private static byte[] file(int magic, int[] dimensions, int elements) {
    ByteBuffer file = ByteBuffer.allocate(4 + 4 * dimensions.length + elements).putInt(magic);
    for (int dimension : dimensions) {
      file.putInt(dimension);
    }
    for (int i = 0; i < elements; i++) {
      file.put((byte) (i + 250));
    }
    return file.array();
  }

  @Test
  void elementsComeInOrder() throws IOException {
    assertThat(read(file(0x803, new int[] {1, 2, 3}, 6), 2, 3))
        .containsExactly(250, 251, 252, 253, 254, 255);
  }

  @Test
  void anotherTypeOrRankIsRefused() {
    assertThatThrownBy(() -> read(file(0xD01, new int[] {1}, 4)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("00000d01");
    assertThatThrownBy(() -> read(file(0x803, new int[] {1, 1, 1}, 1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("1 dimensions");
  }

  @Test
  void anotherItemIsRefused() {
    assertThatThrownBy(() -> read(file(0x803, new int[] {1, 2, 4}, 8), 2, 3))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("must be 3, not 4");
  }

  @Test
  void sizesBeyondTheBoundAreRefusedBeforeAnythingIsAllocated() {
    for (int count : new int[] {0, -1, Integer.MIN_VALUE, Integer.MAX_VALUE}) {
      assertThatThrownBy(() -> read(file(0x803, new int[] {count, 28, 28}, 784), 28, 28))
          .isInstanceOf(IOException.class)
          .hasMessageContaining("must have 1 to");
    }
  }

  @Test
  void aFileThatIsCutShortOrTooLongIsRefused() {
    assertThatThrownBy(() -> read(file(0x801, new int[] {9}, 8)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("ends after 8");
    assertThatThrownBy(() -> read(file(0x801, new int[] {7}, 8)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("followed by more");
    assertThatThrownBy(() -> read(new byte[] {0, 0})).isInstanceOf(IOException.class);
  }

  @Test
  void whatIsNotGzipIsRefused() {
    assertThatThrownBy(() -> Idx.readGzip(new ByteArrayInputStream(new byte[100])))
        .isInstanceOf(IOException.class);
  }
}
