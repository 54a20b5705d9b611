package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** Golden values come from numpy: corrcoef of averaged ranks, products of normalised rows. */
class MetricsTest {
  private static final Offset<Double> EXACT = within(1e-12);
  private static final Offset<Double> FLOATS = within(1e-7);

  @Test
  void spearmanSeesTheOrderAlone() {
    double[] a = {0.1, 20, 3, 4000};
    double[] b = {-5, 7, 6, 8};
    assertThat(Metrics.spearman(a, b)).isCloseTo(1, EXACT);
    assertThat(Metrics.spearman(a, new double[] {4, 2, 3, 1})).isCloseTo(-1, EXACT);
  }

  @Test
  void tiesShareTheMeanOfTheirRanks() {
    assertThat(
            Metrics.spearman(
                new double[] {3, 1, 4, 1, 5, 9, 2, 6, 5, 3},
                new double[] {2, 7, 1, 8, 2, 8, 1, 8, 2, 8}))
        .isCloseTo(0.13471506281091267, EXACT);
    assertThat(Metrics.spearman(new double[] {1, 2, 3, 4, 5}, new double[] {5, 6, 7, 8, 7}))
        .isCloseTo(0.8207826816681234, EXACT);
  }

  @Test
  void zerosOfEitherSignAreTies() {
    assertThat(Metrics.spearman(new double[] {-0.0, 0.0, 1}, new double[] {5, 5, 6}))
        .isCloseTo(1, EXACT);
  }

  @Test
  void spearmanOfAConstantIsNotANumber() {
    assertThat(Metrics.spearman(new double[] {1, 1, 1}, new double[] {1, 2, 3})).isNaN();
  }

  @Test
  void sidesOfDifferentLengthAreRefused() {
    assertThatThrownBy(() -> Metrics.spearman(new double[2], new double[3]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("2 and 3");
  }

  private static float[][] vectors() {
    return new float[][] {{1, 2, 2}, {2, 1, -2}, {-1, 0.5f, 3}, {4, 4, 7}};
  }

  @Test
  void pairwiseCosinesGoRowByRow() {
    assertThat(Metrics.pairwiseCosines(vectors()))
        .containsExactly(
            new double[] {
              0,
              0.6246950475544242,
              0.9629629629629629,
              -0.7808688094430303,
              -0.07407407407407408,
              0.6594003279741145
            },
            FLOATS);
  }

  @Test
  void cosineIgnoresLengthsAndIsUndefinedForZero() {
    assertThat(Metrics.cosine(new float[] {3, 4}, new float[] {30, 40})).isCloseTo(1, EXACT);
    assertThat(Metrics.cosine(new float[] {3, 4}, new float[] {-4, 3})).isCloseTo(0, EXACT);
    assertThat(Metrics.cosine(new float[] {0, 0}, new float[] {1, 0})).isNaN();
  }

  @Test
  void meanCosineComparesVectorsOfTheSameIndex() {
    float[][] a = {{1, 0}, {0, 1}};
    float[][] b = {{2, 0}, {3, 0}};
    assertThat(Metrics.meanCosine(a, b)).isCloseTo(0.5, EXACT);
  }

  @Test
  void theNearestNeighbourIsNeverTheVectorItself() {
    // Nearest by angle: 0 -> 3, 1 -> 2, 2 -> 3, 3 -> 0.
    assertThat(Metrics.nearestNeighbourAccuracy(vectors(), List.of("a", "b", "b", "a")))
        .isEqualTo(0.5);
    assertThat(Metrics.nearestNeighbourAccuracy(vectors(), List.of("a", "b", "c", "d"))).isZero();
  }

  @Test
  void accuracyIsTheShareOfRightAnswers() {
    assertThat(Metrics.accuracy(new int[] {1, 2, 3, 4}, new byte[] {1, 2, 0, 4})).isEqualTo(0.75);
  }
}
