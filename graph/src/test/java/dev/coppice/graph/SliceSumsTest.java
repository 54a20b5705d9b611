package dev.coppice.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import dev.coppice.NanWeightsException;
import dev.coppice.reference.ReferenceProvider;
import dev.coppice.spi.Summand;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SliceSumsTest {
  private static final int ROWS = 9;
  private static final int COLUMNS = 1100;
  private static final int WINDOW = 3;

  private final SliceSums sums = new SliceSums(new ReferenceProvider().create(0));

  /** Makes a tensor of numbers that every float type has, upper halves of 32-bit floats. */
  private static TensorProto tensor(DataType type, float[] values) {
    ByteBuffer bytes =
        ByteBuffer.allocate(values.length * TensorBytes.width(type.getNumber()))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (float value : values) {
      switch (type) {
        case DOUBLE -> bytes.putDouble(value);
        case FLOAT -> bytes.putFloat(value);
        case FLOAT16 -> bytes.putShort(half(value));
        default -> bytes.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
      }
    }
    return TensorProto.newBuilder()
        .setName("w")
        .setDataType(type.getNumber())
        .addDims(ROWS)
        .addDims(COLUMNS)
        .addDims(WINDOW)
        .setRawData(ByteString.copyFrom(bytes.flip()))
        .build();
  }

  /** Gives the bits of a normal number that a half has. */
  private static short half(float value) {
    int bits = Float.floatToRawIntBits(value);
    return (short) (((bits >>> 16) & 0x8000) | (((bits & 0x7FFFFFFF) - (112 << 23)) >>> 13));
  }

  private static float[] values() {
    Random random = new Random(1);
    float[] values = new float[ROWS * COLUMNS * WINDOW];
    for (int i = 0; i < values.length; i++) {
      float size = Math.scalb(1 + random.nextInt(128) / 128f, random.nextInt(20) - 12);
      values[i] = random.nextBoolean() ? size : -size;
    }
    return values;
  }

  @ParameterizedTest
  @EnumSource(names = {"DOUBLE", "FLOAT16", "BFLOAT16"})
  void theSameNumbersOfAnotherTypeHaveTheSameSums(DataType type) {
    float[] values = values();
    for (int axis = 0; axis < 3; axis++) {
      for (Summand summand : Summand.values()) {
        assertThat(sums.of(tensor(type, values), axis, summand))
            .isEqualTo(sums.of(tensor(DataType.FLOAT, values), axis, summand));
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"DOUBLE", "FLOAT"})
  void anInfinityIsTheLargestSumAndNoNumberIsRefused(DataType type) {
    float[] values = values();
    values[COLUMNS * WINDOW + 5] = Float.NEGATIVE_INFINITY;
    double[] largest = sums.of(tensor(type, values), 0, Summand.SQUARE);
    assertThat(largest[1]).isEqualTo(Slices.LARGEST);
    assertThat(largest[0]).isLessThan(1e12);
    values[70] = Float.NaN;
    values[7000] = Float.NaN;
    assertThatThrownBy(() -> sums.of(tensor(type, values), 2, Summand.SQUARE))
        .isInstanceOf(NanWeightsException.class)
        .hasMessageContaining("\"w\" is NaN at index 70");
  }

  @Test
  void theSumsAreTheSquaresOrTheAbsoluteValues() {
    float[] values = new float[ROWS * COLUMNS * WINDOW];
    values[0] = -3;
    values[1] = 4;
    values[WINDOW] = 2;
    TensorProto tensor = tensor(DataType.FLOAT, values);
    assertThat(sums.of(tensor, 0, Summand.SQUARE)).startsWith(29, 0);
    assertThat(sums.of(tensor, 1, Summand.MAGNITUDE)).startsWith(7, 2, 0);
    assertThat(sums.of(tensor, 2, Summand.MAGNITUDE)).containsExactly(5, 4, 0);
  }
}
