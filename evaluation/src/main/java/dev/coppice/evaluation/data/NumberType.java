package dev.coppice.evaluation.data;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.TensorInfo;
import ai.onnxruntime.platform.Fp16Conversions;
import dev.coppice.evaluation.OnnxModel;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** An element type of arrays, under the name that safetensors has for it; little-endian. */
enum NumberType {
  F64(8, OnnxJavaType.DOUBLE),
  F32(4, OnnxJavaType.FLOAT),
  F16(2, OnnxJavaType.FLOAT16),
  BF16(2, OnnxJavaType.BFLOAT16),
  I64(8, OnnxJavaType.INT64),
  I32(4, OnnxJavaType.INT32),
  I16(2, OnnxJavaType.INT16),
  I8(1, OnnxJavaType.INT8),
  U16(2, OnnxJavaType.UNKNOWN),
  U8(1, OnnxJavaType.UINT8),
  BOOL(1, OnnxJavaType.BOOL);

  private final int bytes;
  private final OnnxJavaType onnx;

  NumberType(int bytes, OnnxJavaType onnx) {
    this.bytes = bytes;
    this.onnx = onnx;
  }

  /** Gives the type that a file calls so. */
  static Optional<NumberType> named(String name) {
    return Arrays.stream(values()).filter(type -> type.name().equals(name)).findAny();
  }

  /** Gives the type of a model's input. */
  static Optional<NumberType> of(TensorInfo input) {
    return OnnxModel.isMistakenForSigned(input)
        ? Optional.empty()
        : Arrays.stream(values()).filter(type -> type.isFed(input.type)).findAny();
  }

  private boolean isFed(OnnxJavaType type) {
    return onnx == type && type != OnnxJavaType.UNKNOWN;
  }

  int bytes() {
    return bytes;
  }

  OnnxJavaType onnx() {
    return onnx;
  }

  boolean isWhole() {
    return switch (this) {
      case F64, F32, F16, BF16 -> false;
      default -> true;
    };
  }

  /** Reads the number at a buffer's position, of a type of whole numbers. */
  private long whole(ByteBuffer from) {
    return switch (this) {
      case I64 -> from.getLong();
      case I32 -> from.getInt();
      case I16 -> from.getShort();
      case I8 -> from.get();
      case U16 -> from.getShort() & 0xFFFF;
      case U8 -> from.get() & 0xFF;
      case BOOL -> from.get() == 0 ? 0 : 1;
      default -> throw new IllegalStateException(name());
    };
  }

  private double real(ByteBuffer from) {
    return switch (this) {
      case F64 -> from.getDouble();
      case F32 -> from.getFloat();
      case F16 -> Fp16Conversions.fp16ToFloat(from.getShort());
      case BF16 -> Fp16Conversions.bf16ToFloat(from.getShort());
      default -> whole(from);
    };
  }

  private boolean holds(long value) {
    return switch (this) {
      case I64 -> true;
      case I32 -> value == (int) value;
      case I16 -> value == (short) value;
      case I8 -> value == (byte) value;
      case U16 -> value == (value & 0xFFFF);
      case U8 -> value == (value & 0xFF);
      case BOOL -> value == (value & 1);
      default -> throw new IllegalStateException(name());
    };
  }

  private void putWhole(long value, ByteBuffer into) {
    switch (bytes) {
      case 8 -> into.putLong(value);
      case 4 -> into.putInt((int) value);
      case 2 -> into.putShort((short) value);
      default -> into.put((byte) value);
    }
  }

  /** Writes a number, rounded to what the type has; only for types with fractions. */
  void putReal(double value, ByteBuffer into) {
    switch (this) {
      case F64 -> into.putDouble(value);
      case F32 -> into.putFloat((float) value);
      case F16 -> into.putShort(Fp16Conversions.floatToFp16((float) value));
      case BF16 -> into.putShort(Fp16Conversions.floatToBf16((float) value));
      default -> throw new IllegalStateException(name());
    }
  }

  /**
   * Writes what remains of {@code from} as numbers of another type. Numbers with fractions are
   * rounded; whole numbers must stay what they are.
   *
   * @return the index of the first number that the other type does not have, or -1
   */
  int convert(ByteBuffer from, NumberType to, ByteBuffer into) {
    if (this == to && this != BOOL) {
      into.put(from);
      return -1;
    }
    for (int i = 0; from.hasRemaining(); i++) {
      if (to.isWhole()) {
        double real = isWhole() ? 0 : real(from);
        long value = isWhole() ? whole(from) : (long) real;
        if (!to.holds(value) || (!isWhole() && value != real)) {
          return i;
        }
        to.putWhole(value, into);
      } else {
        to.putReal(real(from), into);
      }
    }
    return -1;
  }
}
