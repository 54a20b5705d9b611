package dev.coppice.reference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.coppice.DType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class FloatingPointTest {
  private final ByteBuffer data = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void everyNumberIsReadAndWrittenExactly(DType dtype) {
    for (int bits = 0; bits < 0x1_0000; bits++) {
      data.putShort(0, (short) bits);
      double value = FloatingPoint.read(data, 0, dtype);
      assertThat(Double.isNaN(value)).isEqualTo((bits & 0x7FFF) > dtype.largestKey());
      if (!Double.isNaN(value)) {
        FloatingPoint.write(data, 0, dtype, value);
        assertThat(data.getShort(0)).isEqualTo((short) bits);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F16", "BF16"})
  void whatLiesBetweenGoesToTheNearestAndTiesToTheEven(DType dtype) {
    for (int bits = 0; bits < dtype.largestKey() - 1; bits++) {
      double low = value(dtype, bits);
      double high = value(dtype, bits + 1);
      double middle = (low + high) / 2;
      assertThat(written(dtype, middle)).isEqualTo(bits + (bits & 1));
      assertThat(written(dtype, Math.nextDown(middle))).isEqualTo(bits);
      assertThat(written(dtype, Math.nextUp(middle))).isEqualTo(bits + 1);
    }
    assertThat(written(dtype, Double.MAX_VALUE)).isEqualTo(dtype.largestKey());
    assertThat(written(dtype, Double.NaN)).isGreaterThan(dtype.largestKey());
    assertThat(written(dtype, Double.MIN_VALUE)).isZero();
  }

  private double value(DType dtype, int bits) {
    data.putShort(0, (short) bits);
    return FloatingPoint.read(data, 0, dtype);
  }

  private int written(DType dtype, double value) {
    FloatingPoint.write(data, 0, dtype, value);
    return data.getShort(0) & 0xFFFF;
  }
}
