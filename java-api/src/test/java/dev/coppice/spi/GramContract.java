package dev.coppice.spi;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What holds for the sums of every backend, compared with exact ones. */
public abstract class GramContract {
  private static final int BLOCK = 256;
  private static final double ROUNDING = 0x1p-53;

  /** Opens the backend. */
  protected abstract GramBackend open();

  private static double[][] rows(int count, int width) {
    Random random = new Random(count * 31L + width);
    double[][] rows = new double[count][width];
    for (double[] row : rows) {
      Arrays.setAll(row, i -> random.nextGaussian() * Math.scalb(1.0, random.nextInt(30)));
    }
    return rows;
  }

  /** Adds rows in blocks, through an array that is used again. */
  private double[][] sums(double[][] rows, int columns, int width) {
    try (GramBackend backend = open();
        GramSums sums = backend.begin(columns, width)) {
      double[][] block = new double[BLOCK][width];
      for (int first = 0; first < rows.length; first += BLOCK) {
        int count = Math.min(BLOCK, rows.length - first);
        for (int i = 0; i < count; i++) {
          System.arraycopy(rows[first + i], 0, block[i], 0, width);
        }
        sums.add(block, count);
      }
      return sums.read();
    }
  }

  /**
   * A sum of n products, each rounded, in any order, is within (n + 1) units of rounding of the sum
   * of their absolute values (Higham, Accuracy and Stability of Numerical Algorithms, 3.1).
   */
  @ParameterizedTest
  @CsvSource({
    "0, 1, 1",
    "0, 5, 9",
    "1, 1, 1",
    "1, 5, 9",
    "3, 2, 2",
    "4, 17, 17",
    "31, 16, 40",
    "257, 7, 300",
    "1023, 3, 4",
    "1024, 3, 4",
    "1025, 3, 4",
    "2100, 66, 70",
    "300, 2, 5000"
  })
  void sumsAreTheExactOnesButForRounding(int count, int columns, int width) {
    double[][] rows = rows(count, width);
    double[][] sums = sums(rows, columns, width);
    assertThat(sums).hasNumberOfRows(columns);
    for (int i = 0; i < columns; i += Math.max(1, columns / 15)) {
      assertThat(sums[i]).hasSize(width - i);
      for (int j = i; j < width; j += Math.max(1, width / 30)) {
        BigDecimal exact = BigDecimal.ZERO;
        double size = 0;
        for (double[] row : rows) {
          exact = exact.add(new BigDecimal(row[i]).multiply(new BigDecimal(row[j])));
          size += Math.abs(row[i] * row[j]);
        }
        double difference = exact.subtract(new BigDecimal(sums[i][j - i])).abs().doubleValue();
        assertThat(difference)
            .as("%d, %d", i, j)
            .isLessThanOrEqualTo(1.001 * (count + 1) * ROUNDING * size);
      }
    }
  }

  @Test
  void sumsOfTheSameRowsAreTheSameToTheBit() {
    double[][] rows = rows(1500, 20);
    assertThat(sums(rows, 10, 20)).isDeepEqualTo(sums(rows, 10, 20));
  }

  @Test
  void whatIsNotFiniteGoesIntoItsSumsAndNoOthers() {
    double[][] rows = rows(40, 6);
    rows[11][1] = Double.NaN;
    rows[12][4] = Double.NEGATIVE_INFINITY;
    double[][] sums = sums(rows, 3, 6);
    double infinity = -Math.signum(rows[12][0]) * Double.POSITIVE_INFINITY;
    assertThat(sums[0][1]).isNaN();
    assertThat(sums[0][4]).isEqualTo(infinity);
    assertThat(sums[1]).containsOnly(Double.NaN);
    assertThat(sums[2][2]).isEqualTo(-Math.signum(rows[12][2]) * Double.POSITIVE_INFINITY);
    assertThat(
            new double[] {sums[0][0], sums[0][2], sums[0][3], sums[0][5], sums[2][0], sums[2][3]})
        .doesNotContain(Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY);
  }

  @Test
  void severalSumsAreAddedUpInTurn() {
    double[][] rows = rows(900, 8);
    try (GramBackend backend = open();
        GramSums one = backend.begin(4, 8);
        GramSums other = backend.begin(8, 8)) {
      for (double[] row : rows) {
        one.add(new double[][] {row}, 1);
        other.add(new double[][] {row}, 1);
      }
      double[][] all = other.read();
      double[][] some = one.read();
      for (int i = 0; i < 4; i++) {
        assertThat(some[i]).isEqualTo(all[i]);
      }
    }
  }
}
