package dev.coppice.evaluation;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Device;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearContract;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.spi.Availability;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;

class OnnxRuntimeLinearTest extends LinearContract {
  @Override
  protected LinearProvider provider() {
    return new OnnxRuntimeLinear();
  }

  @Test
  void itIsFoundOnTheClassPathAndSaysItsVersion() {
    assertThat(ServiceLoader.load(LinearProvider.class))
        .hasAtLeastOneElementOfType(OnnxRuntimeLinear.class);
    assertThat(provider().availability(Device.cpu(1)))
        .isEqualTo(new Availability.Usable(OnnxModel.ENVIRONMENT.getVersion()));
    assertThat(provider().availability(Device.cuda(0))).isInstanceOf(Availability.Unusable.class);
    assertThat(provider().formats(device(), DType.BF16, 1)).isEmpty();
  }

  @Test
  void operandsInArraysAreReadAtEachCall() {
    Random random = new Random(1);
    Tensor weights = LayerCase.numbers(random, DType.F32, 7, 11);
    LinearWeights held = LinearWeights.compress(Format.DENSE, weights);
    float[] inputs = new float[11];
    float[] outputs = new float[7];
    Tensor x = Tensor.of(inputs, 1, 11);
    Tensor y = Tensor.of(outputs, 1, 7);
    double[] w = LayerCase.values(weights);
    try (LinearOperator operator = provider().prepare(held, Optional.empty(), device(), 1)) {
      for (int column = 0; column < 11; column++) {
        inputs[column] = 2;
        operator.apply(x, y, OptionalLong.empty());
        inputs[column] = 0;
        for (int row = 0; row < 7; row++) {
          assertThat(outputs[row]).isEqualTo((float) (2 * w[row * 11 + column]));
        }
      }
      assertThat(operator.bytes()).isEqualTo(4 * 7 * 11);
    }
  }
}
