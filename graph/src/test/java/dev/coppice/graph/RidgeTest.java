package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.reference.ReferenceGram;
import java.util.Optional;
import org.ejml.data.DMatrixRMaj;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RidgeTest {
  /** Looks for y = 3 x in ten rows; the last has something else for one of both. */
  private static Optional<Ridge.Solution> solve(double x, double y) {
    try (Gram gram = new Gram(new ReferenceGram().open().begin(2, 3), 1, 1)) {
      for (int r = 1; r <= 10; r++) {
        double[] row = gram.next();
        row[0] = r == 10 ? x : r;
        row[gram.target()] = r == 10 ? y : 3 * r;
      }
      gram.end();
      return new Ridge(gram, false).solve(new DMatrixRMaj(1, 1), 1e-12);
    }
  }

  @Test
  void theWeightIsFound() {
    assertThat(solve(10, 30)).isPresent();
    assertThat(solve(10, 30).orElseThrow().weights().get(0, 0)).isBetween(3 - 1e-9, 3 + 1e-9);
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY})
  void whatIsNotFiniteHasNoSolution(double value) {
    assertThat(solve(value, 30)).isEmpty();
    assertThat(solve(10, value)).isEmpty();
  }
}
