package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every product of a linear layer does, in every format that its provider takes; compared with
 * sums in F64 of the same numbers. The bound: twice what sums of F32 in any order may be off, and
 * one rounding to the type of the output.
 */
public abstract class LinearContract {
  private static final double F32_UNIT = 0x1p-24;

  /** Gives what is tested. */
  protected abstract LinearProvider provider();

  /** Gives where it runs. */
  protected Device device() {
    return Device.cpu(2);
  }

  /** Gives a tensor where the product runs with the elements of one of the host. */
  protected Tensor there(Tensor host) {
    return host;
  }

  /** Copies the elements of a tensor where the product runs into one of the host. */
  protected void fetch(Tensor there, Tensor host) {
    host.write(0, LayerCase.bytes(there));
  }

  @BeforeEach
  void requireProvider() {
    Availability availability = provider().availability(device());
    assumeTrue(availability instanceof Availability.Usable, availability::toString);
  }

  @ParameterizedTest
  @CsvSource({
    "1, 4",
    "3, 12",
    "8, 32",
    "16, 32",
    "17, 36",
    "33, 60",
    "64, 64",
    "40, 128",
    "31, 132",
    "96, 384",
    "128, 512",
    "5, 1024",
    "130, 260",
    "48, 2056"
  })
  void productsAreThoseOfTheDenseWeights(int out, int in) {
    for (DType dtype : DType.values()) {
      for (int batch : new int[] {1, 2, 3, 5, 7, 8, 15, 17, 70}) {
        for (Format format : provider().formats(device(), dtype, batch)) {
          Random random = new Random(out * 7919L + in * 31L + batch);
          Tensor weights = LayerCase.weights(random, format, dtype, out, in);
          check(format, weights, batch, random.nextBoolean(), random);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void rowsAndColumnsMayBeOfAnyNumber(DType dtype) {
    Random random = new Random(5);
    for (Format format : provider().formats(device(), dtype, 4)) {
      for (int i = 0; i < 12; i++) {
        int in = format == Format.TWO_FOUR ? 4 * (1 + random.nextInt(80)) : 1 + random.nextInt(300);
        int out = 1 + random.nextInt(70);
        check(format, LayerCase.weights(random, format, dtype, out, in), 4, true, random);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void weightsMayAllBeZero(DType dtype) {
    for (Format format : provider().formats(device(), dtype, 2)) {
      check(format, LayerCase.empty(dtype, 20, 64), 2, true, new Random(1));
    }
  }

  @ParameterizedTest
  @EnumSource
  void oneWeightInAnyPlaceMeetsItsInput(DType dtype) {
    for (Format format : provider().formats(device(), dtype, 1)) {
      Random random = new Random(3);
      for (int i = 0; i < 40; i++) {
        int at = random.nextInt(18 * 72);
        Tensor weights = LayerCase.fill(LayerCase.empty(dtype, 18, 72), j -> j == at ? 2 : 0);
        Tensor y = product(format, weights, LayerCase.numbers(random, dtype, 1, 72));
        double[] found = LayerCase.values(y);
        for (int row = 0; row < 18; row++) {
          assertThat(found[row] != 0).as("%s, row %d", format, row).isEqualTo(row == at / 72);
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void nanInAWeightOrAnInputIsSeen(DType dtype) {
    for (int batch : new int[] {1, 3, 40}) {
      for (Format format : provider().formats(device(), dtype, batch)) {
        Random random = new Random(4);
        Tensor weights = LayerCase.twoFour(random, dtype, 24, 64);
        Tensor x = LayerCase.numbers(random, dtype, batch, 64);
        LayerCase.fill(weights, i -> i == 7 * 64 + 12 ? Double.NaN : i % 64 % 4 < 2 ? 1 : 0);
        double[] found = LayerCase.values(product(format, weights, x));
        for (int i = 0; i < found.length; i++) {
          assertThat(Double.isNaN(found[i])).as("%s, %d", format, i).isEqualTo(i % 24 == 7);
        }
      }
    }
  }

  @Test
  void anOperatorServesManyCallsAndCloseIsIdempotent() {
    Random random = new Random(6);
    for (Format format : provider().formats(device(), DType.F32, 5)) {
      Tensor weights = LayerCase.weights(random, format, DType.F32, 30, 60);
      LinearWeights held = LinearWeights.compress(format, weights);
      LinearOperator operator = provider().prepare(held, Optional.empty(), device(), 5);
      for (int batch = 1; batch <= 5; batch++) {
        Tensor x = LayerCase.numbers(random, DType.F32, batch, 60);
        compare(weights, Optional.empty(), x, apply(operator, x, 30), format);
      }
      assertThat(operator.bytes()).isPositive();
      operator.close();
      operator.close();
    }
  }

  @ParameterizedTest
  @EnumSource
  void productsOfFewRowsArePreparedForAnyNumber(DType dtype) {
    Random random = new Random(8);
    for (Format format : provider().formats(device(), dtype, 3)) {
      Tensor weights = LayerCase.weights(random, format, dtype, 30, 60);
      LinearWeights held = LinearWeights.compress(format, weights);
      try (LinearOperator operator = provider().prepare(held, Optional.empty(), device(), 1000)) {
        Tensor x = LayerCase.numbers(random, dtype, 3, 60);
        compare(weights, Optional.empty(), x, apply(operator, x, 30), format);
      }
    }
  }

  private void check(Format format, Tensor weights, int batch, boolean biased, Random random) {
    Tensor x = LayerCase.numbers(random, weights.dtype(), batch, weights.shape().dimension(1));
    Optional<Tensor> bias =
        biased
            ? Optional.of(LayerCase.numbers(random, weights.dtype(), weights.shape().dimension(0)))
            : Optional.empty();
    LinearWeights held = LinearWeights.compress(format, weights);
    try (LinearOperator operator = provider().prepare(held, bias, device(), batch)) {
      Tensor y = apply(operator, x, weights.shape().dimension(0));
      compare(weights, bias, x, y, format);
    }
  }

  private Tensor product(Format format, Tensor weights, Tensor x) {
    LinearWeights held = LinearWeights.compress(format, weights);
    long batch = x.shape().dimension(0);
    try (LinearOperator operator = provider().prepare(held, Optional.empty(), device(), batch)) {
      return apply(operator, x, weights.shape().dimension(0));
    }
  }

  private Tensor apply(LinearOperator operator, Tensor x, long out) {
    Tensor y = LayerCase.empty(x.dtype(), x.shape().dimension(0), out);
    LayerCase.fill(y, i -> 12345); // What is not written is noticed.
    Tensor there = there(y);
    operator.apply(there(x), there, OptionalLong.empty());
    fetch(there, y);
    return y;
  }

  private static void compare(
      Tensor weights, Optional<Tensor> bias, Tensor x, Tensor y, Format format) {
    int in = (int) weights.shape().dimension(1);
    int out = (int) weights.shape().dimension(0);
    double[] w = LayerCase.values(weights);
    double[] inputs = LayerCase.values(x);
    double[] found = LayerCase.values(y);
    double[] added = bias.map(LayerCase::values).orElse(new double[out]);
    for (int i = 0; i < found.length; i++) {
      double sum = added[i % out];
      double size = Math.abs(sum);
      for (int c = 0; c < in; c++) {
        double term = inputs[i / out * in + c] * w[i % out * in + c];
        sum += term;
        size += Math.abs(term);
      }
      double bound = 2 * (in + 2) * F32_UNIT * size + rounding(y.dtype(), sum);
      assertThat(Math.abs(found[i] - sum))
          .as("%s %s [%d, %d], element %d: %s", format, y.dtype(), out, in, i, found[i])
          .isLessThanOrEqualTo(bound);
    }
  }

  private static double rounding(DType dtype, double value) {
    return switch (dtype) {
      case F32 -> Math.abs(value) * F32_UNIT;
      case F16 -> Math.abs(value) * 0x1p-11 + 0x1p-25;
      case BF16 -> Math.abs(value) * 0x1p-8;
    };
  }
}
