package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FashionMnistTest {
  @TempDir private Path folder;

  @Test
  void imagesThatAreWrittenAreReadAsTheyWere() throws IOException {
    FashionMnist all = FashionMnist.firstThousand();
    FashionMnist some = all.part(20, 27);
    Path file = folder.resolve("some-images-idx3-ubyte.gz");
    some.writeImages(file);
    try (InputStream in = Files.newInputStream(file)) {
      assertThat(Idx.readGzip(in, 28, 28))
          .isEqualTo(
              Arrays.copyOfRange(all.pixels(), 20 * FashionMnist.PIXELS, 27 * FashionMnist.PIXELS));
    }
    assertThat(some.labels()).isEqualTo(Arrays.copyOfRange(all.labels(), 20, 27));
  }
}
