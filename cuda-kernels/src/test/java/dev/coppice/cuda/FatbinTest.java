package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class FatbinTest {
  @Test
  void whatNvccMadeHoldsTheKernelsThatAreLaunched() throws IOException {
    try (InputStream resource = CudaModule.class.getResourceAsStream("kernels.fatbin")) {
      Assumptions.assumeTrue(resource != null, "this build was made without nvcc");
      byte[] fatbin = resource.readAllBytes();
      assertThat(ByteBuffer.wrap(fatbin).order(ByteOrder.LITTLE_ENDIAN).getInt())
          .isEqualTo(0xBA55_ED50);
      String text = new String(fatbin, StandardCharsets.ISO_8859_1);
      List<String> image = Files.readAllLines(Emulation.image());
      assertThat(image).hasSizeGreaterThan(10);
      for (String kernel : image.subList(1, image.size())) {
        assertThat(text.contains(kernel)).as(kernel).isTrue();
      }
    }
  }
}
