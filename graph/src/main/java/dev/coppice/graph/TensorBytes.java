package dev.coppice.graph;

import ai.onnx.proto.OnnxMl.TensorProto;
import ai.onnx.proto.OnnxMl.TensorProto.DataType;
import com.google.protobuf.ByteString;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The elements of a tensor message, whichever of its fields they are in, as little-endian bytes.
 */
final class TensorBytes {
  private TensorBytes() {}

  /** Gives the size of an element in bytes; 0 for strings, sub-byte types and unknown ones. */
  static int width(int type) {
    DataType known = DataType.forNumber(type);
    if (known == null) {
      return 0;
    }
    return switch (known) {
      case BOOL, INT8, UINT8, FLOAT8E4M3FN, FLOAT8E4M3FNUZ, FLOAT8E5M2, FLOAT8E5M2FNUZ -> 1;
      case FLOAT16, BFLOAT16, INT16, UINT16 -> 2;
      case FLOAT, INT32, UINT32 -> 4;
      case DOUBLE, INT64, UINT64, COMPLEX64 -> 8;
      case COMPLEX128 -> 16;
      default -> 0;
    };
  }

  /** Whether the elements are numbers that weights are made of. */
  static boolean isFloat(int type) {
    return type == DataType.FLOAT.getNumber()
        || type == DataType.DOUBLE.getNumber()
        || type == DataType.FLOAT16.getNumber()
        || type == DataType.BFLOAT16.getNumber();
  }

  static long[] dims(TensorProto tensor) {
    return tensor.getDimsList().stream().mapToLong(Long::longValue).toArray();
  }

  /** Gives the bytes of the elements, ready to be read. */
  static ByteBuffer of(TensorProto tensor) {
    if (tensor.hasRawData()) {
      return tensor.getRawData().asReadOnlyByteBuffer().slice().order(ByteOrder.LITTLE_ENDIAN);
    }
    int width = width(tensor.getDataType());
    List<? extends Number> values = typed(tensor);
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(values.size(), Math.max(1, width)))
            .order(ByteOrder.LITTLE_ENDIAN);
    for (Number value : values) {
      put(bytes, tensor.getDataType(), width, value);
    }
    return bytes.flip();
  }

  private static List<? extends Number> typed(TensorProto tensor) {
    return switch (DataType.forNumber(tensor.getDataType())) {
      case FLOAT, COMPLEX64 -> tensor.getFloatDataList();
      case DOUBLE, COMPLEX128 -> tensor.getDoubleDataList();
      case INT64 -> tensor.getInt64DataList();
      case UINT64, UINT32 -> tensor.getUint64DataList();
      default -> tensor.getInt32DataList();
    };
  }

  private static void put(ByteBuffer bytes, int type, int width, Number value) {
    if (type == DataType.FLOAT.getNumber() || type == DataType.COMPLEX64.getNumber()) {
      bytes.putFloat(value.floatValue());
    } else if (type == DataType.DOUBLE.getNumber() || type == DataType.COMPLEX128.getNumber()) {
      bytes.putDouble(value.doubleValue());
    } else if (width == 1) {
      bytes.put(value.byteValue());
    } else if (width == 2) {
      bytes.putShort(value.shortValue());
    } else if (width == 4) {
      bytes.putInt(value.intValue());
    } else {
      bytes.putLong(value.longValue());
    }
  }

  /** Gives how many elements there are. */
  static int elements(TensorProto tensor) {
    long count = 1;
    for (long size : tensor.getDimsList()) {
      count *= size;
    }
    return Math.toIntExact(count);
  }

  /** Gives the bytes of the elements, to be written to. */
  static ByteBuffer copy(TensorProto tensor) {
    ByteBuffer bytes = of(tensor);
    return ByteBuffer.allocate(bytes.remaining()).order(ByteOrder.LITTLE_ENDIAN).put(bytes).flip();
  }

  /** Gives the elements of a small INT64 or INT32 tensor; nothing for other types. */
  static long @Nullable [] integers(TensorProto tensor) {
    boolean wide = tensor.getDataType() == DataType.INT64.getNumber();
    if (!wide && tensor.getDataType() != DataType.INT32.getNumber()) {
      return null;
    }
    ByteBuffer bytes = of(tensor);
    long[] values = new long[bytes.remaining() / (wide ? 8 : 4)];
    for (int i = 0; i < values.length; i++) {
      values[i] = wide ? bytes.getLong() : bytes.getInt();
    }
    return values;
  }

  /** Gives element {@code index} of a float tensor's bytes. */
  static double element(ByteBuffer bytes, int type, int index) {
    if (type == DataType.FLOAT.getNumber()) {
      return bytes.getFloat(4 * index);
    }
    if (type == DataType.DOUBLE.getNumber()) {
      return bytes.getDouble(8 * index);
    }
    short bits = bytes.getShort(2 * index);
    return type == DataType.BFLOAT16.getNumber()
        ? Float.intBitsToFloat(bits << 16)
        : halfToFloat(bits);
  }

  /** Gives the elements of a float tensor. */
  static double[] numbers(TensorProto tensor) {
    ByteBuffer bytes = of(tensor);
    double[] numbers = new double[bytes.remaining() / width(tensor.getDataType())];
    Arrays.setAll(numbers, i -> element(bytes, tensor.getDataType(), i));
    return numbers;
  }

  private static float halfToFloat(short bits) {
    int exponent = bits >>> 10 & 0x1F;
    int fraction = bits & 0x3FF;
    float value =
        exponent == 0
            ? fraction * 0x1p-24f
            : exponent == 31
                ? (fraction == 0 ? Float.POSITIVE_INFINITY : Float.NaN)
                : Math.scalb(1024f + fraction, exponent - 25);
    return bits < 0 ? -value : value;
  }

  /** Gives the tensor with other dimensions and elements, and its name and type as they are. */
  static TensorProto with(TensorProto tensor, long[] dims, ByteBuffer bytes) {
    TensorProto.Builder made =
        TensorProto.newBuilder()
            .setName(tensor.getName())
            .setDataType(tensor.getDataType())
            .setDocString(tensor.getDocString())
            .setRawData(ByteString.copyFrom(bytes));
    for (long dim : dims) {
      made.addDims(dim);
    }
    return made.build();
  }

  /** Makes a FLOAT tensor without a name, its elements rounded. */
  static TensorProto floats(double[] values, long... dims) {
    ByteBuffer bytes =
        ByteBuffer.allocate(Math.multiplyExact(4, values.length)).order(ByteOrder.LITTLE_ENDIAN);
    for (double value : values) {
      bytes.putFloat((float) value);
    }
    TensorProto type = TensorProto.newBuilder().setDataType(DataType.FLOAT.getNumber()).build();
    return with(type, dims, bytes.flip());
  }

  /** Makes an INT64 tensor of rank 1. */
  static TensorProto integers(String name, long[] values) {
    return integers(name, values, DataType.INT64);
  }

  /** Makes an INT64 or INT32 tensor of rank 1. */
  static TensorProto integers(String name, long[] values, DataType type) {
    int width = width(type.getNumber());
    ByteBuffer bytes = ByteBuffer.allocate(width * values.length).order(ByteOrder.LITTLE_ENDIAN);
    for (long value : values) {
      put(bytes, type.getNumber(), width, value);
    }
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(type.getNumber())
        .addDims(values.length)
        .setRawData(ByteString.copyFrom(bytes.flip()))
        .build();
  }
}
