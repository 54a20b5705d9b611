package dev.coppice.cuda;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
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
      for (String variant : List.of("shared_16", "shared_32", "global_16", "global_32")) {
        assertThat(text).contains("coppice_histogram_" + variant);
      }
    }
  }
}
