package dev.coppice.formats.onnx;

import static dev.coppice.formats.onnx.ElementType.Field.DOUBLES;
import static dev.coppice.formats.onnx.ElementType.Field.FLOATS;
import static dev.coppice.formats.onnx.ElementType.Field.INT32S;
import static dev.coppice.formats.onnx.ElementType.Field.INT64S;
import static dev.coppice.formats.onnx.ElementType.Field.STRINGS;
import static dev.coppice.formats.onnx.ElementType.Field.UINT64S;

import dev.coppice.DType;
import java.util.Optional;

/** The element types of ONNX, in the order of their numbers, from 1 on. */
enum ElementType {
  FLOAT(32, FLOATS, 1),
  UINT8(8, INT32S, 1),
  INT8(8, INT32S, 1),
  UINT16(16, INT32S, 1),
  INT16(16, INT32S, 1),
  INT32(32, INT32S, 1),
  INT64(64, INT64S, 1),
  STRING(0, STRINGS, 1),
  BOOL(8, INT32S, 1),
  FLOAT16(16, INT32S, 1),
  DOUBLE(64, DOUBLES, 1),
  UINT32(32, UINT64S, 1),
  UINT64(64, UINT64S, 1),
  COMPLEX64(64, FLOATS, 0),
  COMPLEX128(128, DOUBLES, 0),
  BFLOAT16(16, INT32S, 1),
  FLOAT8E4M3FN(8, INT32S, 1),
  FLOAT8E4M3FNUZ(8, INT32S, 1),
  FLOAT8E5M2(8, INT32S, 1),
  FLOAT8E5M2FNUZ(8, INT32S, 1),
  UINT4(4, INT32S, 2),
  INT4(4, INT32S, 2),
  FLOAT4E2M1(4, INT32S, 2),
  FLOAT8E8M0(8, INT32S, 1),
  UINT2(2, INT32S, 4),
  INT2(2, INT32S, 4),
  FLOAT6E2M3(6, INT32S, 1),
  FLOAT6E3M2(6, INT32S, 1);

  /** The fields of TensorProto that hold values one by one. */
  enum Field {
    FLOATS("float_data"),
    INT32S("int32_data"),
    STRINGS("string_data"),
    INT64S("int64_data"),
    DOUBLES("double_data"),
    UINT64S("uint64_data");

    private final String fieldName;

    Field(String fieldName) {
      this.fieldName = fieldName;
    }

    String fieldName() {
      return fieldName;
    }
  }

  private static final int TWO_VALUES_EACH = 0;
  private static final ElementType[] ALL = values();

  private final int bits;
  private final Field field;
  private final int perValue;

  ElementType(int bits, Field field, int perValue) {
    this.bits = bits;
    this.field = field;
    this.perValue = perValue;
  }

  /** Finds the type with a number, if there is one. */
  static Optional<ElementType> of(long number) {
    return number >= 1 && number <= ALL.length
        ? Optional.of(ALL[(int) number - 1])
        : Optional.empty();
  }

  /** Gives the type whose weights can be pruned. */
  Optional<DType> dtype() {
    return switch (this) {
      case FLOAT -> Optional.of(DType.F32);
      case FLOAT16 -> Optional.of(DType.F16);
      case BFLOAT16 -> Optional.of(DType.BF16);
      default -> Optional.empty();
    };
  }

  boolean isFloat() {
    return this == DOUBLE || dtype().isPresent();
  }

  /** Gives the size of raw data. Throws ArithmeticException if it is above 2^63 - 1. */
  long rawBytes(long elements) {
    return bits >= 8
        ? Math.multiplyExact(elements, bits / 8)
        : elements / 8 * bits + (elements % 8 * bits + 7) / 8;
  }

  /** Gives the field that holds its values one by one. */
  Field field() {
    return field;
  }

  /** Gives the number of values in {@link #field()}. */
  long fieldValues(long elements) {
    return perValue == TWO_VALUES_EACH
        ? Math.multiplyExact(elements, 2L)
        : elements / perValue + (elements % perValue == 0 ? 0 : 1);
  }
}
