package dev.coppice.reference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.spi.GramBackend;
import dev.coppice.spi.GramContract;
import dev.coppice.spi.GramSums;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class ReferenceGramTest extends GramContract {
  @Override
  protected GramBackend open() {
    return new ReferenceGram().open();
  }

  /** Four rows at a time, in tiles of 32, then one by one: written models depend on it. */
  @Test
  void theOrderOfTheAdditionsIsFixed() {
    Random random = new Random(1);
    double[][] rows = new double[71][];
    Arrays.setAll(rows, r -> random.doubles(90, -1, 1).toArray());
    try (GramSums sums = open().begin(80, 90)) {
      sums.add(rows, 71);
      double[][] found = sums.read();
      for (int i = 0; i < 80; i++) {
        for (int j = i; j < 90; j++) {
          double sum = 0;
          int r = 0;
          for (; r + 3 < 71; r += 4) {
            sum +=
                rows[r][i] * rows[r][j]
                    + rows[r + 1][i] * rows[r + 1][j]
                    + (rows[r + 2][i] * rows[r + 2][j] + rows[r + 3][i] * rows[r + 3][j]);
          }
          for (; r < 71; r++) {
            sum += rows[r][i] * rows[r][j];
          }
          assertThat(found[i][j - i]).isEqualTo(sum);
        }
      }
    }
  }
}
