package dev.coppice.simd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import dev.coppice.Tensor;
import dev.coppice.sparse.Format;
import dev.coppice.sparse.LayerCase;
import dev.coppice.sparse.LinearContract;
import dev.coppice.sparse.LinearWeights;
import dev.coppice.sparse.Part;
import dev.coppice.spi.LinearOperator;
import dev.coppice.spi.LinearProvider;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The contract of products on the kernels of every instruction set that this machine has. */
class NativeLinearTest {
  @Nested
  class Baseline extends Variant {
    Baseline() {
      super(InstructionSet.BASELINE);
    }
  }

  @Nested
  class Avx2 extends Variant {
    Avx2() {
      super(InstructionSet.AVX2);
    }
  }

  @Nested
  class Avx512 extends Variant {
    Avx512() {
      super(InstructionSet.AVX512);
    }
  }

  abstract static class Variant extends LinearContract {
    @RegisterExtension final OnInstructionSet set;

    Variant(InstructionSet set) {
      this.set = new OnInstructionSet(set);
    }

    @Override
    protected LinearProvider provider() {
      return new NativeLinear();
    }

    @ParameterizedTest
    @EnumSource
    void operandsMayLieAtOddAddressesAndOnTheHeap(DType dtype) {
      Random random = new Random(8);
      for (Format format : Format.values()) {
        for (int batch : new int[] {1, 3, 20}) {
          Tensor weights = LayerCase.weights(random, format, dtype, 37, 84);
          Tensor x = LayerCase.numbers(random, dtype, batch, 84);
          LinearWeights held = LinearWeights.compress(format, weights);
          Map<String, ByteBuffer> parts =
              held.parts().stream().collect(Collectors.toMap(Part::name, part -> odd(part.data())));
          ByteBuffer heap = ByteBuffer.allocate(batch * 37 * dtype.bytes());
          double[] expected = product(held, x, LayerCase.empty(dtype, batch, 37));
          assertThat(
                  product(
                      LinearWeights.of(format, dtype, 37, 84, parts),
                      Tensor.of(dtype, odd(LayerCase.bytes(x)), batch, 84),
                      Tensor.of(dtype, odd(heap), batch, 37)))
              .as("%s, batch %d, odd addresses", format, batch)
              .isEqualTo(expected);
          assertThat(
                  product(
                      held,
                      Tensor.of(dtype, LayerCase.bytes(x), batch, 84),
                      Tensor.of(dtype, heap, batch, 37)))
              .as("%s, batch %d, on the heap", format, batch)
              .isEqualTo(expected);
        }
      }
    }

    @ParameterizedTest
    @EnumSource
    void anInfiniteInputOfWeightsThatAreNotStoredIsNotSeen(DType dtype) {
      for (Format format : List.of(Format.TWO_FOUR, Format.BITMAP, Format.CSR)) {
        for (int batch : new int[] {1, 3, 20}) {
          // Of each four the first two are stored; the inputs of the others are infinite or NaN.
          Tensor weights = LayerCase.fill(LayerCase.empty(dtype, 17, 64), i -> i % 4 < 2 ? 1 : 0);
          Tensor x =
              LayerCase.fill(
                  LayerCase.empty(dtype, batch, 64),
                  i -> i % 4 < 2 ? 1 : i % 4 == 2 ? Double.POSITIVE_INFINITY : Double.NaN);
          LinearWeights held = LinearWeights.compress(format, weights);
          assertThat(product(held, x, LayerCase.empty(dtype, batch, 17)))
              .as("%s, batch %d", format, batch)
              .containsOnly(32);
        }
      }
    }

    private double[] product(LinearWeights weights, Tensor x, Tensor y) {
      try (LinearOperator operator =
          provider().prepare(weights, Optional.empty(), device(), x.shape().dimension(0))) {
        operator.apply(x, y, OptionalLong.empty());
      }
      return LayerCase.values(y);
    }

    /** Gives a copy in direct memory at an odd address. */
    private static ByteBuffer odd(ByteBuffer from) {
      ByteBuffer copy =
          ByteBuffer.allocateDirect(from.capacity() + 1)
              .slice(1, from.capacity())
              .order(ByteOrder.LITTLE_ENDIAN);
      return copy.put(0, from, 0, from.capacity());
    }
  }
}
