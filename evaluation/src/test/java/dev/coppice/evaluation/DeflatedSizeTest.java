package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeflatedSizeTest {
  @TempDir private Path folder;

  private long deflated(byte[] bytes) throws IOException {
    return DeflatedSize.of(Files.write(folder.resolve("file"), bytes));
  }

  @Test
  void theSizeIsNearlyThatOfGzip() throws IOException {
    byte[] bytes = new byte[3_500_000];
    Random random = new Random(1);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = random.nextBoolean() ? 0 : (byte) random.nextInt();
    }
    ByteArrayOutputStream gzip = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(gzip)) {
      out.write(bytes);
    }
    assertThat((double) deflated(bytes)).isCloseTo(gzip.size(), within(0.002 * gzip.size()));
  }

  @Test
  void nothingTakesNothing() throws IOException {
    assertThat(deflated(new byte[0])).isZero();
  }
}
