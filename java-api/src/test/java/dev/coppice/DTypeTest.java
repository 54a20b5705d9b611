package dev.coppice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.spi.GoldenVectors;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class DTypeTest {
  @ParameterizedTest
  @CsvSource({"F32, 4, 31", "F16, 2, 15", "BF16, 2, 15"})
  void aKeyHasTheBitsOfItsTypeWithoutTheSign(DType dtype, int bytes, int bits) {
    assertThat(dtype.bytes()).isEqualTo(bytes);
    assertThat(dtype.keyBits()).isEqualTo(bits);
  }

  @ParameterizedTest
  @EnumSource
  void theLargestKeyIsThatOfInfinity(DType dtype) {
    assertThat(widened(dtype, dtype.largestKey())).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(widened(dtype, dtype.largestKey() - 1)).isFinite();
    assertThat(widened(dtype, dtype.largestKey() + 1)).isNaN();
  }

  @ParameterizedTest
  @EnumSource
  void wideningGrowsWithTheKey(DType dtype) {
    int step = dtype == DType.F32 ? 65_537 : 1;
    for (int key = 0; key <= dtype.largestKey() - step; key += step) {
      assertThat(dtype.widen(key)).isLessThan(dtype.widen(key + step));
    }
  }

  @Test
  void halvesAreWidenedToTheNumberThatTheyStandFor() {
    for (int key = 0; key < 0x7C00; key++) {
      int exponent = Math.max(key >> 10, 1);
      int fraction = key < 0x400 ? key : (key & 0x3FF) + 0x400;
      assertThat((double) widened(DType.F16, key))
          .as("0x%04x", key)
          .isEqualTo(fraction * Math.pow(2, exponent - 25));
    }
  }

  @Test
  void halvesAreWidenedAsNumpyDoes() throws Exception {
    ByteBuffer bytes = ByteBuffer.allocate(0x7C01 * Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int key = 0; key <= 0x7C00; key++) {
      bytes.putInt(DType.F16.widen(key));
    }
    byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes.array());
    assertThat(HexFormat.of().formatHex(digest))
        .isEqualTo(GoldenVectors.read("half.txt").get(0).get(0));
  }

  @Test
  void everyNanOfAHalfStaysNan() {
    for (int key = 0x7C01; key <= 0x7FFF; key++) {
      assertThat(widened(DType.F16, key)).as("0x%04x", key).isNaN();
    }
  }

  private static float widened(DType dtype, int key) {
    return Float.intBitsToFloat(dtype.widen(key));
  }
}
