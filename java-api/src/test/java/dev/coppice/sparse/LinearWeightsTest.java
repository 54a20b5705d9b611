package dev.coppice.sparse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.coppice.DType;
import dev.coppice.Shape;
import dev.coppice.Tensor;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class LinearWeightsTest {
  @ParameterizedTest
  @EnumSource
  void whatIsDecompressedHasTheBitsOfWhatWasCompressed(Format format) {
    Random random = new Random(1);
    for (DType dtype : DType.values()) {
      for (int i = 0; i < 60; i++) {
        int in = 1 + random.nextInt(300);
        in = format == Format.TWO_FOUR ? 4 * in : in;
        Tensor weights = LayerCase.weights(random, format, dtype, 1 + random.nextInt(60), in);
        odd(weights);
        LinearWeights held = LinearWeights.compress(format, weights);
        assertThat(LayerCase.bytes(held.decompress())).isEqualTo(LayerCase.bytes(weights));
        assertThat(LayerCase.bytes(stored(held, parts(held)).decompress()))
            .isEqualTo(LayerCase.bytes(weights));
        assertThat(held.bytes())
            .isEqualTo(parts(held).values().stream().mapToLong(ByteBuffer::remaining).sum());
      }
    }
  }

  /** Puts -0.0, NaN with a payload, infinity and a denormal in place of other weights. */
  private static void odd(Tensor weights) {
    ByteBuffer bytes = LayerCase.bytes(weights);
    boolean wide = weights.dtype() == DType.F32;
    int[] patterns =
        wide
            ? new int[] {0x8000_0000, 0x7FC1_2345, 0xFF80_0000, 1}
            : new int[] {0x8000, 0x7FF1, 0xFF80, 1};
    int next = 0;
    for (int i = 0; i < weights.shape().elements() && next < patterns.length; i += 3) {
      if (Rows.get(bytes, i, weights.dtype()) != 0) {
        Rows.put(bytes, i, weights.dtype(), patterns[next++]);
      }
    }
    weights.write(0, bytes);
  }

  private static Map<String, ByteBuffer> parts(LinearWeights held) {
    Map<String, ByteBuffer> parts = new HashMap<>();
    held.parts().forEach(part -> parts.put(part.name(), part.data()));
    return parts;
  }

  private static LinearWeights stored(LinearWeights like, Map<String, ByteBuffer> parts) {
    return LinearWeights.of(like.format(), like.dtype(), like.out(), like.in(), parts);
  }

  @Test
  void sizesAreWhatTheFormatsPromise() {
    Random random = new Random(2);
    Tensor half = LayerCase.twoFour(random, DType.BF16, 128, 512);
    assertThat(LinearWeights.compress(Format.TWO_FOUR, half).bytes())
        .isEqualTo(128 * 512 + 128 * 512 / 8);
    Tensor most = LayerCase.sparse(random, DType.BF16, 0.8, 128, 512);
    LinearWeights bitmap = LinearWeights.compress(Format.BITMAP, most);
    assertThat(bitmap.bytes()).isLessThan((long) (128 * 512 * 2 * 0.31));
    assertThat(LinearWeights.compress(Format.CSR, most).bytes()).isGreaterThan(bitmap.bytes());
  }

  @ParameterizedTest
  @EnumSource
  void sizesAndLayoutsAreKnownBeforeAnythingIsCompressed(Format format) {
    Random random = new Random(3);
    for (DType dtype : DType.values()) {
      for (int i = 0; i < 30; i++) {
        int in = 4 * (1 + random.nextInt(60));
        Tensor weights = LayerCase.weights(random, format, dtype, 1 + random.nextInt(60), in);
        LinearWeights held = LinearWeights.compress(format, weights);
        assertThat(LinearWeights.sizes(weights)).containsEntry(format, held.bytes());
        List<PartLayout> layout = format.layout(dtype, held.out(), in);
        assertThat(layout.stream().map(PartLayout::name))
            .containsExactlyElementsOf(held.parts().stream().map(Part::name).toList());
        for (int p = 0; p < layout.size(); p++) {
          Part part = held.parts().get(p);
          long[] larger = part.shape().toArray();
          larger[0] += layout.get(p).most() + 1;
          assertThat(layout.get(p).allows(part.type(), part.shape())).isTrue();
          assertThat(layout.get(p).allows("I8", part.shape())).isFalse();
          assertThat(layout.get(p).allows(part.type(), Shape.of(larger))).isFalse();
        }
      }
    }
    assertThat(LinearWeights.sizes(LayerCase.numbers(random, DType.F16, 9, 18)))
        .containsEntry(Format.DENSE, 324L)
        .doesNotContainKey(Format.TWO_FOUR);
  }

  @Test
  void moreThanTwoOfFourAreRefusedWithTheirPlace() {
    Tensor weights = LayerCase.fill(LayerCase.empty(DType.F32, 5, 16), i -> i / 16 == 3 ? 1 : 0);
    assertThat(LinearWeights.sizes(weights)).doesNotContainKey(Format.TWO_FOUR);
    assertThatThrownBy(() -> LinearWeights.compress(Format.TWO_FOUR, weights))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "row 3 has more than two weights other than zero in columns 0 to 3: prune with pattern"
                + " 2:4 first");
    assertThat(LinearWeights.sizes(LayerCase.twoFour(new Random(1), DType.F16, 9, 20)))
        .containsKey(Format.TWO_FOUR);
    assertThat(LinearWeights.sizes(LayerCase.empty(DType.F16, 9, 18)))
        .doesNotContainKey(Format.TWO_FOUR);
  }

  @Test
  void positionsStandWhereTheTensorCoresLanesReadThem() {
    // Row 9 of tile 0, columns 52 and 55: lane 4 * 1 + 1 of the second 32 columns, upper half.
    Tensor weights =
        LayerCase.fill(
            LayerCase.empty(DType.BF16, 16, 64), i -> i == 9 * 64 + 52 || i == 9 * 64 + 55 ? 3 : 0);
    Part positions = LinearWeights.compress(Format.TWO_FOUR, weights).parts().get(1);
    int word = positions.data().getInt(64 + 4 * (2 * 1 + 1));
    assertThat(word >>> 16).isEqualTo(0x44C4);
    assertThat(word & 0xFFFF).isEqualTo(0x4444);
  }

  @ParameterizedTest
  @EnumSource
  void partsThatAreDamagedAreRefusedOrHoldSomeWeights(Format format) {
    Random random = new Random(7);
    Tensor weights = LayerCase.weights(random, format, DType.BF16, 33, 72);
    LinearWeights held = LinearWeights.compress(format, weights);
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
      Map<String, ByteBuffer> parts = parts(held);
      Part part = held.parts().get(random.nextInt(held.parts().size()));
      ByteBuffer copy = Part.allocate("copy", part.data().capacity());
      copy.put(0, part.data(), 0, copy.capacity());
      int at = random.nextInt(copy.capacity());
      copy.put(at, (byte) (copy.get(at) ^ 1 << random.nextInt(8)));
      boolean shorter = random.nextInt(4) == 0;
      parts.put(part.name(), shorter ? copy.limit(at) : copy);
      try {
        stored(held, parts).decompress();
      } catch (IllegalArgumentException e) {
        assertThat(e).hasMessageMatching("\\P{Cntrl}{10,120}");
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(500);
    Map<String, ByteBuffer> none = parts(held);
    none.remove("values");
    assertThatThrownBy(() -> stored(held, none)).hasMessage("the values are missing");
  }

  @ParameterizedTest
  @EnumSource
  void whatFollowsTheValuesOfABitmapsRowIsZero(DType dtype) {
    Tensor weights = LayerCase.fill(LayerCase.empty(dtype, 3, 40), i -> i % 40 < 17 ? 1 : 0);
    LinearWeights held = LinearWeights.compress(Format.BITMAP, weights);
    ByteBuffer values = held.parts().get(2).data();
    int row = values.capacity() / dtype.bytes() / 3;
    for (int at : new int[] {17, row - 1, row + 17, 3 * row - 1}) {
      Rows.put(values, at, dtype, 1);
      assertThatThrownBy(() -> stored(held, parts(held)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "row %d has a value other than zero at element %d, after its last", at / row, at);
      Rows.put(values, at, dtype, 0);
    }
    assertThat(LayerCase.bytes(stored(held, parts(held)).decompress()))
        .isEqualTo(LayerCase.bytes(weights));
  }

  @Test
  void sizesThatDoNotFitAreRefusedBeforeAnythingIsAllocated() {
    assertThatThrownBy(
            () -> LinearWeights.of(Format.BITMAP, DType.F32, Long.MAX_VALUE, 1 << 20, Map.of()))
        .isInstanceOfAny(IllegalArgumentException.class, ArithmeticException.class);
    for (Format format : Format.values()) {
      assertThatThrownBy(() -> format.layout(DType.F32, Long.MAX_VALUE, 4))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> LinearWeights.of(Format.CSR, DType.F32, 0, 4, Map.of()))
        .hasMessageContaining("1 or more outputs");
  }
}
