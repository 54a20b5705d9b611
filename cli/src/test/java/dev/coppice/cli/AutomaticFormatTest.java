package dev.coppice.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.Tensor;
import dev.coppice.graph.LinearLayer;
import dev.coppice.graph.Sparsifier.Decision;
import dev.coppice.sparse.Format;
import java.util.List;
import org.junit.jupiter.api.Test;

class AutomaticFormatTest {
  /** Decides about weights that are zero but for those in the first columns of each row. */
  private static Decision decision(int out, int in, int left) {
    float[] weights = new float[out * in];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = i % in < left ? 1 : 0;
    }
    LinearLayer layer = new LinearLayer("w", List.of("node"), out, in, (long) out * (in - left));
    return SparsifyChoice.automatic(layer, Tensor.of(weights, out, in));
  }

  @Test
  void aLayerIsHeldInTheFormatOfTheFewestBytes() {
    assertThat(decision(64, 512, 256)).isEqualTo(new Decision.Hold(Format.BITMAP));
    assertThat(decision(64, 512, 5)).isEqualTo(new Decision.Hold(Format.CSR));
  }

  @Test
  void aLayerThatWouldTakeMoreBytesStaysDense() {
    assertThat(decision(512, 8, 4))
        .isEqualTo(new Decision.Leave("takes no fewer bytes compressed"));
  }

  @Test
  void aLayerWithFewZerosStaysDense() {
    assertThat(decision(64, 512, 400)).isEqualTo(new Decision.Leave("fewer than 30% zeros"));
  }
}
